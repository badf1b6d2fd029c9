# SPDX-License-Identifier: Apache-2.0
"""Mistakes that the model can be told to make, one at a time, to see that the comparison notices."""
import dataclasses

import policy_model

right = policy_model.decide, policy_model.on_time, policy_model.obstacles, policy_model.word_fits


def first_name_only():
    """Looks at one name of a file."""
    policy_model.decide = lambda world, subject, permission, names, now, size=0: right[0](
        world, subject, permission, names[:1], now, size)


def day_of_now():
    """Takes the day that it is for the day on which the hours began."""
    def on_time(rule, wall):
        return right[1](dataclasses.replace(rule, days=None), wall) and (
            rule.days is None or wall.weekday() in rule.days)
    policy_model.on_time = on_time


def until_included():
    """A rule applies one second too long."""
    policy_model.obstacles = lambda world, rule, *rest: right[2](
        world, dataclasses.replace(rule, until=rule.until and rule.until + policy_model.NS), *rest)


def no_bob():
    """Rules for mvbob do not apply."""
    def word_fits(world, allows, kind, value, subject):
        return right[3](world, allows, kind, value, subject) and (kind != "user" or value[1] != 5002)
    policy_model.word_fits = word_fits


def budget_free():
    """Budgets last for ever."""
    policy_model.suffices = lambda *_: True


WRONG = {function.__name__.replace("_", "-"): function
         for function in (first_name_only, day_of_now, until_included, no_bob, budget_free)}
