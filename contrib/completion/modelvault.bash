# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2207  # candidates are words, one a line
#
# Completion for bash: commands, their options, what may stand behind an option, vaults, mount
# points, and paths in a vault that is mounted (looked at through the mount: no key, no server).
# The table below is the program's own; `make` puts it there.

# A command a line: name, operands, options ("=": takes a value), with tabs between.
_modelvault_table() {
	cat <<'TABLE'
@TABLE@
TABLE
}

# _modelvault_field COMMAND N: the Nth field of a command's line.
_modelvault_field() { _modelvault_table | awk -F '\t' -v c="$1" -v n="$2" '$1 == c { print $n }'; }

_modelvault_commands() { _modelvault_table | cut -f 1 | grep -vxF '*'; }

# _modelvault_mounts [VAULT]: mount points, all or of a vault (its directory or a mount point).
_modelvault_mounts() {
	local vault=''
	[ $# -eq 0 ] || vault=$(realpath -- "$1" 2>/dev/null) || return 0
	awk -v v="$vault" '{
		for (i = 7; i < NF && $i != "-"; i++);
		if ($(i + 1) != "fuse.modelvault" || (v != "" && v != $5 && v != $(i + 2)))
			next
		gsub(/\\040/, " ", $5)
		print $5
	}' /proc/self/mountinfo
}

# _modelvault_list FUNCTION|COMMAND...: adds the lines that it prints and that begin with $cur.
_modelvault_list() {
	local line
	while IFS= read -r line; do
		[[ $line != "$cur"* ]] || COMPREPLY+=("$line")
	done < <("$@")
}
_modelvault_words() { _modelvault_list printf '%s\n' "$@"; }
_modelvault_files() {
	compopt -o filenames 2>/dev/null
	_modelvault_list compgen "-${1:-f}" -- "$cur"
}

_modelvault_units() { systemctl list-units --type=service --no-legend --plain 2>/dev/null | cut -d ' ' -f 1; }

_modelvault_look() (
	cd "$1" 2>/dev/null || return
	compgen -f -- "$cur" | while IFS= read -r path; do
		[ ! -d "$path" ] || path+=/
		printf '%s\n' "$path"
	done
)

# Paths in the vault that the first operand is.
_modelvault_paths() {
	local vault=$1 mountpoint
	[ "$vault" != @ ] || vault=${MODELVAULT:-}
	mountpoint=$(_modelvault_mounts "$vault" | head -n 1)
	[ -n "$mountpoint" ] || return 0
	compopt -o filenames -o nospace 2>/dev/null
	# A directory gets its slash here: bash looks for it in another place.
	_modelvault_list _modelvault_look "$mountpoint"
}

_modelvault_mount_options() {
	local before=''
	[[ $cur != *,* ]] || before=${cur%,*},
	_modelvault_words "$before"{ro,noexec,allow_other,cache=keep,cache=open,cache=none,cache-idle=,threads=,audit=required,audit=best-effort}
	compopt -o nospace 2>/dev/null
}

# _modelvault_value OPTION: what may stand behind it.
_modelvault_value() {
	case $1 in
	--objects) _modelvault_files d ;;
	--*file | --trail | --public-key | --exe) _modelvault_files ;;
	--user | --loginuid) _modelvault_list compgen -u ;;
	--group) _modelvault_list compgen -g ;;
	--cipher) _modelvault_words aes-256-gcm aes-256-ocb chacha20-poly1305 ;;
	--timezone) _modelvault_words UTC Europe/Berlin America/New_York Asia/Tokyo ;;
	--chunk) _modelvault_words 4K 16K 64K 256K 1M ;;
	--outcome) _modelvault_words allow deny error ;;
	--order) _modelvault_words oldest newest ;;
	--perm) _modelvault_words read write list ;;
	--hours) _modelvault_words 09:00-18:00 18:00-24:00 22:00-06:00 ;;
	--days) _modelvault_words mon-fri sat,sun mon tue wed thu fri sat sun ;;
	--for) _modelvault_words 1h 8h 1d 7d 30d ;;
	--max-opens) _modelvault_words {10,100}/{hour,day,week} ;;
	--max-bytes) _modelvault_words {10G,100G,1T}/{hour,day,week} ;;
	--userns) _modelvault_words contained ;;
	--unit) _modelvault_list _modelvault_units ;;
	-o) _modelvault_mount_options ;;
	esac
}

# _modelvault_operand COMMAND OPERANDS INDEX VAULT: the INDEXth operand, by the words of the help.
_modelvault_operand() {
	local operands=$2 word words seen=' '
	if [ "$3" -eq 0 ]; then
		case $operands in
		MOUNTPOINT*) _modelvault_list _modelvault_mounts ;;
		*COMMAND*) _modelvault_list _modelvault_commands ;;
		PATH*) _modelvault_files ;;
		*VAULT*)
			_modelvault_list _modelvault_mounts
			_modelvault_words @
			_modelvault_files d ;;
		esac
		return
	fi
	# A word of a command's own (list, add, learn) comes first, what it takes behind it.
	words=" ${operands//[^A-Za-z-]/ }"
	if [[ $3 -eq 1 && $words =~ \ [a-z] ]]; then
		for word in $words; do
			[[ $word != [a-z]* ]] || _modelvault_words "$word"
		done
		return
	fi
	for word in $words; do
		[[ $seen != *" $word "* ]] || continue
		seen+="$word "
		case $word in
		PATH | PATTERN) _modelvault_paths "$4" ;;
		SOURCE | DEST) _modelvault_files ;;
		MOUNTPOINT) _modelvault_files d ;;
		SUBJECT) _modelvault_words user: group: role: exe: sha256: unit: loginuid: userns:contained any ;;
		MEMBER) _modelvault_words user: group: ;;
		FILE) _modelvault_files ;;
		SETTING) _modelvault_words audit=required audit=required,sync audit=best-effort timezone= private=yes private=no ;;
		PERMS) _modelvault_words read write list ;;
		esac
	done
}

_modelvault() {
	local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]} options i index=0 vault=''
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		_modelvault_list _modelvault_commands
		return
	fi
	# bash parts words at ':' and '='.
	if [[ $cur == [:=] ]]; then
		previous=$cur cur=''
		i=$((COMP_CWORD - 1))
	else
		i=$((COMP_CWORD - 2))
	fi
	case $previous,${COMP_WORDS[i]} in
	:,user | :,loginuid) _modelvault_list compgen -u; return ;;
	:,group) _modelvault_list compgen -g; return ;;
	:,exe) _modelvault_files; return ;;
	:,unit) _modelvault_list _modelvault_units; return ;;
	=,--*) previous=${COMP_WORDS[i]} ;;
	esac
	options=" $(_modelvault_field "$command" 3) $(_modelvault_field '*' 3) "
	if [[ $options == *" $previous= "* ]]; then
		_modelvault_value "$previous"
		return
	fi
	if [[ $cur == -* ]]; then
		# shellcheck disable=SC2086  # one word per option
		_modelvault_words ${options//= / }
		return
	fi
	for ((i = 2; i < COMP_CWORD; i++)); do
		if [[ $options == *" ${COMP_WORDS[i]}= "* ]]; then
			[ "${COMP_WORDS[i + 1]}" != = ] || i=$((i + 1))
			i=$((i + 1))
		elif [[ ${COMP_WORDS[i]} != -* ]]; then
			[ "$index" -gt 0 ] || vault=${COMP_WORDS[i]}
			index=$((index + 1))
		fi
	done
	_modelvault_operand "$command" "$(_modelvault_field "$command" 2)" "$index" "$vault"
}

complete -F _modelvault modelvault
