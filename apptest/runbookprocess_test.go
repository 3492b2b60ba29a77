package apptest

import (
	"syscall"
	"testing"
	"time"
)

// fifteen is why an alert that counts over 15 minutes stays.
const fifteen = "it counts over 15 minutes"

// processScenes are troubles of processes, of the machine and of the keyholder's door.
func processScenes() []scene {
	return []scene{
		{"units", func(t *testing.T) *operated { t.Helper(); return operate(t, "", "--listen", "127.0.0.1:0") }, []trouble{
			{alert: "ZgodaDown", begin: gatewayGone, shows: []string{`job="zgoda"} => 0`, "zgoda 000", "zgoda-keyholder 200", "the settings are good"}},
			{alert: "ZgodaKeyholderAway", begin: keyholderHangs, shows: []string{"the keyholder does not answer"}},
			{alert: "ZgodaKeyholderRefusals", begin: strangersAtTheKeyholder, lasts: fifteen},
		}},
		{"up", func(t *testing.T) *operated { t.Helper(); return operateUp(t, "") }, []trouble{
			{alert: "ZgodaRestarts", begin: keyholderKilled3, lasts: fifteen, shows: []string{`child="keyholder"`}, over: func(t *testing.T, o *operated) {
				t.Helper()
				if o.metrics(t)[`zgoda_child_up{child="keyholder"}`] != 1 {
					t.Error("the keyholder is not up")
				}
			}},
		}},
	}
}

func gatewayGone(t *testing.T, o *operated) { t.Helper(); o.stop(t) }

func keyholderHangs(t *testing.T, o *operated) {
	t.Helper()
	o.keyholder.signal(syscall.SIGSTOP)
}

// strangersAtTheKeyholder: somebody without a certificate connects to its port, and
// the gateway's user asks for what is an administrator's.
func strangersAtTheKeyholder(t *testing.T, o *operated) {
	t.Helper()
	if out, errs, code := o.zgoda(t, "", "keys", "status", "--socket", o.keyholder.socket); code == 0 {
		t.Errorf("the gateway's socket told the state of keys: %s%s", out, errs)
	}
}

// keyholderKilled3 kills the child three times; it is started again each time.
func keyholderKilled3(t *testing.T, o *operated) {
	t.Helper()
	for range 3 {
		pid := o.child("zgoda-keyholder")
		_ = syscall.Kill(pid, syscall.SIGKILL)
		eventually(t, 20*time.Second, "another keyholder that is up", func() bool {
			now := o.child("zgoda-keyholder")
			return now != 0 && now != pid && o.metrics(t)[`zgoda_child_up{child="keyholder"}`] == 1
		})
	}
}

// someLoad sends events; all of them have a fate.
func someLoad(t *testing.T, o *operated) {
	t.Helper()
	l := o.busy(t, mix{clients: 2, pause: 10 * time.Millisecond})
	stepping(o.stack, l).more(t, 200)
	l.stop()
	o.settled(t, 30*time.Second)
}
