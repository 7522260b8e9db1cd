# Reads an Authentication-Results field's value from stdin, and writes what Mail::AuthenticationResults makes of it as JSON.
use strict;
use warnings;
use JSON::PP;
use Mail::AuthenticationResults::Parser;

local $/;
my $value = <STDIN>;
$value =~ s/\A[^:]*:\s*//;
my $field = Mail::AuthenticationResults::Parser->new()->parse($value);
my @results;
for my $entry (@{ $field->children() }) {
  my ($reason, %properties);
  for my $child (@{ $entry->children() }) {
    next unless $child->can('key');
    if ($child->key() eq 'reason') { $reason = $child->value() } else { $properties{ $child->key() } = $child->value() }
  }
  push @results, { method => $entry->key(), result => $entry->value(), reason => $reason, properties => \%properties };
}
print JSON::PP->new->canonical->encode({ host => $field->value()->value(), results => \@results });
