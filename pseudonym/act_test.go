package pseudonym

import (
	"context"
	"strings"
	"testing"
)

func TestWhoActs(t *testing.T) {
	l := &link{cfg: ClientConfig{Actor: "gateway"}}
	named := WithAct(t.Context(), Act{Actor: "op-1", Reason: "ticket 7"})
	if c := l.callOf(named); c.GetActor() != "op-1" || c.GetReason() != "ticket 7" || len(c.GetId()) != 16 || c.GetAt() == 0 {
		t.Errorf("%v", c)
	}
	if c := l.callOf(t.Context()); c.GetActor() != "gateway" {
		t.Errorf("nobody: %v", c)
	}
	l.cfg.ActorOf = func(context.Context) string { return "token:desk\n" + strings.Repeat("ä", 64) }
	got := l.callOf(t.Context()).GetActor()
	if len(got) > maxActor || !strings.HasPrefix(got, "token:desk ä") || strings.ContainsAny(got, "\n\ufffd") {
		t.Errorf("%q", got)
	}
	if c := l.callOf(named); c.GetActor() != "op-1" {
		t.Errorf("who is named goes before: %v", c)
	}
	if one, two := l.callOf(named), l.callOf(named); string(one.GetId()) == string(two.GetId()) {
		t.Error("two requests have one id")
	}
}
