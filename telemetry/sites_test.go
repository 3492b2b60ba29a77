package telemetry_test

import (
	"fmt"
	"slices"
	"testing"

	"zgoda/event"
	"zgoda/telemetry"
)

func TestSitesAreLabelsUpToALimit(t *testing.T) {
	ids := []event.SiteID{"shop", "blog", "app", "club"}
	s := telemetry.NewSiteLabels(ids, 2)
	for id, want := range map[event.SiteID]string{"app": "app", "blog": "blog", "club": "other", "shop": "other", "gone": "other"} {
		if got := s.Label(id); got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
	if got, want := s.All(), []string{"app", "blog", "other"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if ids[0] != "shop" {
		t.Error("the caller's sites were put in order")
	}
	if got, want := telemetry.NewSiteLabels(ids, 4).All(), []string{"app", "blog", "club", "shop"}; !slices.Equal(got, want) {
		t.Errorf("within the limit: %q, want %q", got, want)
	}
	if got := telemetry.NewSiteLabels([]event.SiteID{"a", "other", "z"}, 2).All(); !slices.Equal(got, []string{"a", "other"}) {
		t.Errorf("a site called other: %q", got)
	}
}

func TestManySitesMakeFewLabels(t *testing.T) {
	var ids []event.SiteID
	for i := range 1000 {
		ids = append(ids, event.SiteID(fmt.Sprint("site-", i)))
	}
	s := telemetry.NewSiteLabels(ids, telemetry.SiteLimit)
	seen := map[string]bool{}
	for _, id := range ids {
		seen[s.Label(id)] = true
	}
	if len(seen) != telemetry.SiteLimit+1 || len(s.All()) != len(seen) {
		t.Errorf("%d labels in use, %d in all", len(seen), len(s.All()))
	}
}
