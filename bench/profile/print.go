package profile

import (
	"fmt"
	"strings"
	"time"
)

// StagesText writes the stages for people, each time divided by the number of
// events that were accepted meanwhile.
func StagesText(samples []Sample, events float64) string {
	var total, kernel, runtime time.Duration
	for _, s := range samples {
		total += s.CPU
	}
	per := perEvent(events)
	var out strings.Builder
	fmt.Fprintf(&out, "%.2f us of CPU an event, %.0f events, %v in all\n\n", per(total), events, total.Round(10*time.Millisecond))
	fmt.Fprintf(&out, "%-22s %9s %7s %12s %13s\n", "stage", "us/event", "share", "of it kernel", "of it runtime")
	line := func(name string, cpu, inKernel, inRuntime time.Duration) {
		fmt.Fprintf(&out, "%-22s %9.3f %6.1f%% %12.3f %13.3f\n", name, per(cpu), share(cpu, total), per(inKernel), per(inRuntime))
	}
	for _, s := range Stages(samples) {
		line(s.Name, s.CPU, s.Syscalls, s.Runtime)
		kernel += s.Syscalls
		runtime += s.Runtime
	}
	line("all", total, kernel, runtime)
	return out.String()
}

// TopText writes the functions in whose calls most time was spent.
func TopText(samples []Sample, events float64, top int) string {
	per := perEvent(events)
	var out strings.Builder
	fmt.Fprintf(&out, "%9s %9s\n%9s %9s  function\n", "flat", "cum", "us/event", "us/event")
	all := Functions(samples)
	for _, f := range all[:min(top, len(all))] {
		fmt.Fprintf(&out, "%9.3f %9.3f  %s\n", per(f.Flat), per(f.Cum), f.Name)
	}
	return out.String()
}

func perEvent(events float64) func(time.Duration) float64 {
	return func(d time.Duration) float64 { return float64(d) / 1e3 / max(events, 1) }
}

func share(part, whole time.Duration) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}
