# Loads RT into the Apache parent, so that workers share its memory and the first request is quick.
use strict;
use warnings;
use Plack::Handler::Apache2;

Plack::Handler::Apache2->preload('/opt/rt/rt.psgi');
1;
