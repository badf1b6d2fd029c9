# SPDX-License-Identifier: Apache-2.0
#
# Reads C from stdin (comments and strings taken out by strip.pl) and prints "file:line: call: why"
# for every call that forbidden.sh is about. The file's name is the argument.
use strict;
use warnings;

my %never = (
	(map { $_ => 'it cannot know the size of its target: snprintf or keystore/base/bytes.h' }
		qw(strcpy strcat sprintf vsprintf gets)),
	(map { $_ => 'a shell parses what a user may have named: fork and exec' } qw(system popen)),
	(map { $_ => 'it cannot report an error: a strict parser' } qw(atoi atol atoll atof)),
	alloca => 'an unchecked size on the stack',
	(map { $_ => 'somebody else may make the file first: mkostemp' } qw(mktemp tempnam tmpnam)),
);
# A call's arguments must hold this word; what has no such argument is refused.
my %cloexec = (
	(map { $_ => qr/O_CLOEXEC/ } qw(open openat creat pipe2 dup3 mkostemp)),
	(map { $_ => qr/CLOEXEC/ } qw(socket socketpair accept4 memfd_create epoll_create1 eventfd
		timerfd_create signalfd inotify_init1 recvmsg)),
	(map { $_ => qr/(?!)/ } qw(accept pipe dup dup2 epoll_create inotify_init mkstemp)),
	fopen => qr/"[rwa+b]*e[rwa+b]*"/, fdopen => qr/./,
);
my $secret = qr/(?i:secret|passphrase|password|key|dek|kek|seed)/;

my ($file) = @ARGV;
my $ours = $file !~ m{^tests/};
my $text = do { local $/; <STDIN> };

sub complain {
	my ($at, $call, $why) = @_;
	my $line = 1 + (substr($text, 0, $at) =~ tr/\n//);
	print "$file:$line: $call(): $why\n";
}

while ($text =~ /(?<![\w.>])(\w+)\s*(\((?:[^()]|(?2))*\))/g) {
	my ($call, $arguments, $at) = ($1, $2, $-[0]);
	pos($text) = $+[1];
	complain($at, $call, $never{$call}) if $never{$call};
	next unless $ours;
	complain($at, $call, 'a compiler drops the wiping of what is not read again: secret_wipe or explicit_bzero')
		if $call eq 'memset' && $arguments =~ /^\([^,]*$secret/;
	complain($at, $call, 'a descriptor without CLOEXEC outlives exec')
		if $cloexec{$call} && $arguments !~ $cloexec{$call};
	complain($at, $call, 'a descriptor without CLOEXEC outlives exec: F_DUPFD_CLOEXEC')
		if $call eq 'fcntl' && $arguments =~ /\bF_DUPFD\b/;
}
