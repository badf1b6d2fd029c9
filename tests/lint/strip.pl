# SPDX-License-Identifier: Apache-2.0
#
# strip.pl code FILE     C without comments and with empty strings; every line keeps its number
# strip.pl strings FILE  the string literals alone, as line:text
use strict;
use warnings;

my ($what, $file) = @ARGV;
open(my $in, '<', $file) or die "$file: $!\n";
my $text = do { local $/; <$in> };
my ($line, $code) = (1, '');

while ($text =~ m{\G(/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\n|.)}gs) {
	my $token = $1;
	my $newlines = ($token =~ tr/\n//);
	if ($token =~ m{^/[*/]}) {
		$code .= ' ' . "\n" x $newlines;
	} elsif ($token =~ /^"/ && $code !~ /#\s*include\s*$/) {
		print "$line:", substr($token, 1, -1), "\n" if $what eq 'strings';
		# Kept for the one reader that must see it: the mode of fopen().
		$code .= $token =~ /^"[rwa+be]{1,4}"$/ ? $token : '""';
	} else {
		$code .= $token;
	}
	$line += $newlines;
}
print $code if $what eq 'code';
