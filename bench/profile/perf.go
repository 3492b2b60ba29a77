package profile

import (
	"bytes"
	"strings"
	"time"
)

// ReadPerf reads what `perf script -F ip,sym` prints: a block for each sample, with a
// line of address and function for each frame, the innermost first. Each sample stands
// for the same time.
func ReadPerf(content []byte, each time.Duration) []Sample {
	var list []Sample
	for block := range strings.SplitSeq(string(bytes.TrimSpace(content)), "\n\n") {
		s := Sample{CPU: each}
		for line := range strings.Lines(block) {
			if _, function, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
				s.Stack = append(s.Stack, function)
			}
		}
		if len(s.Stack) > 0 {
			list = append(list, s)
		}
	}
	return list
}
