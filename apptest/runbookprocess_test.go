package apptest

import "testing"

// processScenes are troubles of processes, the machine and limits.
func processScenes() []scene {
	return []scene{
		{"units", func(t *testing.T) *operated { t.Helper(); return operate(t, "") }, []trouble{
			{alert: "ZgodaDown", begin: func(t *testing.T, o *operated) { t.Helper(); o.stop(t) }, shows: []string{`job="zgoda"} => 0`, "zgoda 000", "zgoda-keyholder 200", "the settings are good"}},
		}},
	}
}
