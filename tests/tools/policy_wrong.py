# SPDX-License-Identifier: Apache-2.0
"""Mistakes that the model can be told to make, one at a time, to see that the comparison notices."""
import dataclasses

import policy_model

right = policy_model.decide, policy_model.obstacles, policy_model.word_fits


def first_name_only():
    """Looks at one name of a file."""
    policy_model.decide = lambda world, subject, permission, names, now, size=0: right[0](
        world, subject, permission, names[:1], now, size)


def day_of_now():
    """Takes the day that it is for the day on which the hours began."""
    def obstacles(world, rule, subject, permission, name, now, size):
        yield from right[1](world, dataclasses.replace(rule, days=None), subject, permission, name, now, size)
        if rule.days and policy_model.local(world, now).weekday() not in rule.days:
            yield "hours"
    policy_model.obstacles = obstacles


def until_included():
    """A rule applies one second too long."""
    policy_model.obstacles = lambda world, rule, *rest: right[1](
        world, dataclasses.replace(rule, until=rule.until and rule.until + policy_model.NS), *rest)


def no_bob():
    """Rules for mvbob do not apply."""
    def word_fits(world, allows, kind, value, subject):
        return right[2](world, allows, kind, value, subject) and (kind != "user" or value[1] != 5002)
    policy_model.word_fits = word_fits


def budget_free():
    """Budgets last for ever."""
    policy_model.suffices = lambda *_: True


WRONG = {function.__name__.replace("_", "-"): function
         for function in (first_name_only, day_of_now, until_included, no_bob, budget_free)}
