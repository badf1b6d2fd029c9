#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The policy as its documentation tells it (tests/tools/policy_model.py) beside what a mount does, the
# trail records, and explain and who say: random rules, real processes, and days that go by.

load ../lib

setup() {
	root_only "it opens as many users"
	common_setup
	export T
}

teardown() {
	# What a campaign that was killed left there.
	if [ -n "${T:-}" ]; then
		rm -rf "/var/lib/tmp-${T##*/}"*.programs
		find /sys/fs/cgroup -depth -type d -path "*/mvpolicy-tmp-${T##*/}*" -exec rmdir {} +
	fi
	common_teardown
}

@test "opens, records, explain, who and a brute-force model agree in verdict, rule and reason" {
	local reason reasons=(rule-allow rule-deny no-rule learned user-namespace exe-differs unit-differs hidden expired
		outside-hours over-budget)
	run "$TESTS/tools/policy_trial.py" --cases $((FULL ? 20000 : 2000)) "${reasons[@]/#/--reason=}"
	echo "$output"
	[ "$status" -eq 0 ]
	for reason in "${reasons[@]}"; do
		[[ $output =~ $reason\ [1-9] ]] || { echo "no $reason"; return 1; }
	done
}

@test "a model that is wrong in one point is noticed here too, and shown with the fewest rules" {
	local wrong
	for wrong in first-name-only no-bob budget-free; do
		mkdir "$T/$wrong"
		T=$T/$wrong run -1 "$TESTS/tools/policy_trial.py" --cases 2000 --seed 1 --wrong "$wrong"
		echo "$wrong: $output"
		[[ $output == *SEED=1* && $output =~ "the program:".*"the model:"|"the model does not see how"|"who read ".*", not Subject" ]]
	done
}
