# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# What the bats files of this folder share: `load runtime` after `load ../lib`.

# need_npm PACKAGE...: makes $NPM, a directory whose node_modules has exactly these versions, with
# nothing run at installation. Optional dependencies (binaries of other machines) are left out.
need_npm() {
	command -v node >/dev/null || "$TESTS/install-packages" nodejs
	command -v npm >/dev/null || "$TESTS/install-packages" npm
	NPM=$(mktemp -d /tmp/modelvault-test.XXXXXX)
	chmod 755 "$NPM"
	export NPM
	(
		cd "$NPM" || exit
		# Without one npm takes a directory above that has a node_modules.
		echo '{}' >package.json
		ONNXRUNTIME_NODE_INSTALL=skip npm install --ignore-scripts --omit=optional --no-audit --no-fund \
			--no-save --loglevel=error "$@"
	)
}

# hub_tree DIR FILE...: the files as the model org/name of a Hugging Face cache DIR: blobs named by their
# hashes, and a snapshot of relative links to them. Prints the snapshot's path below DIR.
hub_tree() {
	local dir=$1 model=models--org--name commit=0123456789abcdef0123456789abcdef01234567 file blob
	shift
	mkdir -p "$dir/$model"/{blobs,refs,"snapshots/$commit",.no_exist/"$commit"} "$dir/.locks/$model"
	echo -n 1 >"$dir/version.txt"
	echo -n "$commit" >"$dir/$model/refs/main"
	: >"$dir/$model/.no_exist/$commit/adapter_config.json"
	for file in "$@"; do
		blob=$(sha256sum <"$file" | cut -d' ' -f1)
		: >"$dir/.locks/$model/$blob.lock"
		cp "$file" "$dir/$model/blobs/$blob"
		ln -s "../../blobs/$blob" "$dir/$model/snapshots/$commit/${file##*/}"
	done
	echo "$model/snapshots/$commit"
}

# same_as FILE COMMAND...: the command's standard output is what FILE has, byte for byte.
same_as() {
	local expected=$1
	shift
	"$@" >"$T/found" 2>"$T/said" || { echo "failed: $*"; tail -n 5 "$T/said"; return 1; }
	cmp "$expected" "$T/found"
}

# fails_with WORDS COMMAND...: it fails, and says WORDS.
fails_with() {
	local words=$1
	shift
	run "$@"
	[ "$status" -ne 0 ] || { echo "should have failed: $*"; return 1; }
	[[ $output == *"$words"* ]] || { echo "failed without \"$words\": $*: $output"; return 1; }
}
