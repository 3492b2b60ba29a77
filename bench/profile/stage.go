package profile

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// stages are the rooms by package, the more special ones first. Libraries that
// one room alone uses count for it.
var stages = [...]struct{ prefix, stage string }{
	{"zgoda/collector/segment", "collector/segment"},
	{"zgoda/collector/beacon", "collector/segment"},
	{"zgoda/collector/pixel", "collector/segment"},
	{"zgoda/collector/minimise", "collector/minimise"},
	{"zgoda/collector/enrich", "collector/enrich"},
	{"zgoda/collector", "collector"},
	{"zgoda/gateway", "gateway"},
	{"zgoda/consent", "consent"},
	{"zgoda/pseudonym", "pseudonym"},
	{"google.golang.org/grpc", "pseudonym"},
	{"zgoda/subjects", "subjects"},
	{"zgoda/jsontape", "jsontape"},
	{"zgoda/control", "control"},
	{"modernc.org/sqlite", "control"},
	{"zgoda/record", "record"},
	{"zgoda/spool", "spool"},
	{"zgoda/writer", "writer and activity"},
	{"zgoda/activity", "writer and activity"},
	{"github.com/ClickHouse", "writer and activity"},
	{"zgoda/telemetry", "telemetry"},
	{"github.com/prometheus", "telemetry"},
	{"github.com/valyala/fasthttp", "fasthttp"},
	{"zgoda/", "other rooms"},
}

// runtimeStage is what runs for nobody in particular: scheduler, garbage
// collector, timers.
const runtimeStage = "Go runtime alone"

// stageOf returns the stage of a sample: that of the innermost function that
// belongs to one.
func stageOf(s Sample) string {
	for _, function := range s.Stack {
		for _, known := range stages {
			if strings.HasPrefix(function, known.prefix) {
				return known.stage
			}
		}
	}
	return runtimeStage
}

// Stage is one stage's part of a profile.
type Stage struct {
	Name     string
	CPU      time.Duration
	Syscalls time.Duration // of it, in the kernel
	Runtime  time.Duration // of it, in Go's runtime: memory, maps, channels, waking
}

// Stages divides a profile among the stages, the costliest first. Their times
// add up to the profile's.
func Stages(samples []Sample) []Stage {
	by := map[string]*Stage{}
	for _, s := range samples {
		name := stageOf(s)
		stage := by[name]
		if stage == nil {
			stage = &Stage{Name: name}
			by[name] = stage
		}
		stage.CPU += s.CPU
		if len(s.Stack) == 0 {
			continue
		}
		switch leaf := s.Stack[0]; {
		case isSyscall(leaf):
			stage.Syscalls += s.CPU
		case strings.HasPrefix(leaf, "runtime.") || strings.HasPrefix(leaf, "internal/runtime/"):
			stage.Runtime += s.CPU
		}
	}
	var all []Stage
	for _, stage := range by {
		all = append(all, *stage)
	}
	slices.SortFunc(all, func(a, b Stage) int {
		return cmp.Or(cmp.Compare(b.CPU, a.CPU), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// isSyscall knows the functions that enter the kernel, and the runtime's own
// calls of it.
func isSyscall(leaf string) bool {
	for _, prefix := range []string{"internal/runtime/syscall", "syscall.", "golang.org/x/sys/unix."} {
		if strings.HasPrefix(leaf, prefix) {
			return true
		}
	}
	switch leaf {
	case "runtime.futex", "runtime.epollwait", "runtime.usleep", "runtime.madvise", "runtime.write1", "runtime.read", "runtime.tgkill", "runtime.sched_yield", "runtime.osyield":
		return true
	}
	return false
}

// Function is one function's part of a profile.
type Function struct {
	Name string
	Flat time.Duration // it ran itself
	Cum  time.Duration // it or what it called ran
}

// Functions returns the functions of a profile, those first in whose calls most
// time was spent.
func Functions(samples []Sample) []Function {
	by := map[string]*Function{}
	get := func(name string) *Function {
		f := by[name]
		if f == nil {
			f = &Function{Name: name}
			by[name] = f
		}
		return f
	}
	for _, s := range samples {
		counted := map[string]bool{} // once, also when it calls itself
		for i, name := range s.Stack {
			if i == 0 {
				get(name).Flat += s.CPU
			}
			if !counted[name] {
				counted[name] = true
				get(name).Cum += s.CPU
			}
		}
	}
	var all []Function
	for _, f := range by {
		all = append(all, *f)
	}
	slices.SortFunc(all, func(a, b Function) int {
		return cmp.Or(cmp.Compare(b.Cum, a.Cum), cmp.Compare(a.Name, b.Name))
	})
	return all
}
