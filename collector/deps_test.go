package collector

import (
	"zgoda/pseudonym"
	"zgoda/spool"
	"zgoda/subjects"
	"zgoda/telemetry"
)

// What the interfaces are declared for satisfies them.
var (
	_ blinder = (*pseudonym.Blinder)(nil)
	_ people  = (*subjects.Set)(nil)
	_ log     = (*spool.Spool)(nil)
	_ fates   = (*telemetry.Fates)(nil)
)
