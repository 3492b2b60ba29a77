package main

import (
	"testing"
	"time"

	"zgoda/pseudonym/role"
)

func TestFlagsToConfig(t *testing.T) {
	f := flags{Socket: "/s", SocketGroup: "0", Bar: []string{"rights/desk-1"}, MintsPerSecond: 1, RewrapAt: "23:30", AnalyticsKeep: 7}
	cfg, err := f.config("/d")
	if err != nil || cfg.Group != 0 || len(cfg.Barred) != 1 || cfg.Barred[0] != (role.Caller{Role: role.Rights, Name: "desk-1"}) || cfg.Limits.MintsPerSecond != 1 {
		t.Errorf("%+v, %v", cfg, err)
	}
	if cfg.RewrapAt != 23*time.Hour+30*time.Minute || cfg.AnalyticsMonths != 7 {
		t.Errorf("re-wrap at %s, analytics kept for %d months", cfg.RewrapAt, cfg.AnalyticsMonths)
	}
	byName := flags{SocketGroup: "root"}
	if cfg, err := byName.config(""); err != nil || cfg.Group != 0 {
		t.Errorf("group root is %d, %v", cfg.Group, err)
	}
	none := flags{}
	if cfg, err := none.config(""); err != nil || cfg.Group >= 0 {
		t.Errorf("no group is %d, %v", cfg.Group, err)
	}
	for _, bad := range []flags{{SocketGroup: "no such group"}, {Bar: []string{"desk-1"}}, {Bar: []string{"rights/"}}, {Bar: []string{"root/a"}}, {RewrapAt: "25:00"}} {
		if _, err := bad.config(""); err == nil {
			t.Errorf("%+v passed", bad)
		}
	}
}
