#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# decide() beside the policy as its documentation tells it: the model of tests/tools/policy_model.py,
# which looks at every rule. The same through a mount: tests/mount/policy.bats.

load ../lib

@test "decide() and a brute-force model agree on 20,000 random questions" {
	local seed
	for seed in '' $(if [ "${FULL:-}" = 1 ]; then seq 20; fi); do
		run -0 "$TESTS/tools/policy_lines.py" --cases 20000 ${seed:+--seed "$seed"}
		echo "$output"
		[[ $output == *"20000 cases agree:"* ]]
	done
	# Every reason that rules can give was among them.
	for reason in rule-allow rule-deny no-rule default-list private-list learned user-namespace exe-differs \
		unit-differs hash-differs hash-unknown not-yet expired outside-hours clock-step over-budget; do
		[[ $output =~ $reason\ [1-9] ]] || { echo "no $reason"; return 1; }
	done
}

@test "a model that is wrong in one point is noticed, and shown with the fewest rules" {
	local wrong
	for wrong in first-name-only day-of-now until-included no-bob budget-free; do
		run -1 "$TESTS/tools/policy_lines.py" --cases 5000 --seed 1 --wrong "$wrong"
		echo "$wrong: $output"
		[[ $output == *SEED=1* && $output =~ "the program:".*"the model:" ]]
		[ "$(grep -c $'^  rule\t' <<<"$output")" -le 3 ]
	done
}
