package config

import (
	"strings"
	"testing"
	"time"
)

func TestLedger(t *testing.T) {
	for key, l := range map[string]Ledger{
		"ledger.name":               {Name: "Not A Name"},
		"ledger.checkpoint_every":   {CheckpointEvery: "often"},
		"ledger.anchors.mail_every": {Anchors: Anchors{MailEvery: "1ms"}},
		"ledger.anchors.file":       {Anchors: Anchors{File: "relative"}},
		"ledger.anchors.log":        {Anchors: Anchors{Log: "http://log.example/add"}},
		"ledger.anchors.mail":       {Anchors: Anchors{Mail: "a@b, c@d"}},
	} {
		var v checker
		v.ledger(&l)
		if len(v.errs) != 1 || !strings.HasPrefix(v.errs[0].Error(), key+": ") {
			t.Errorf("%s: got %v", key, v.errs)
		}
	}
	l := Ledger{
		Name: "example.org/zgoda", CheckpointEntries: 5, CheckpointEvery: "90s",
		Anchors: Anchors{File: "/mnt/x/checkpoints", Log: "https://log.example/add", Mail: "audit@example.org", MailEvery: "1h"},
	}
	var v checker
	v.ledger(&l)
	entries, every, _ := l.Checkpoints()
	pause, _ := l.MailPause()
	if len(v.errs) != 0 || entries != 5 || every != 90*time.Second || pause != time.Hour {
		t.Errorf("got %v, %s, %s", v.errs, every, pause)
	}
	v = checker{}
	v.ledger(&Ledger{})
	if entries, every, _ := (Ledger{}).Checkpoints(); len(v.errs) != 0 || entries != 1000 || every != 10*time.Minute {
		t.Errorf("the defaults: %v, %d, %s", v.errs, entries, every)
	}
}
