package config

import "testing"

func TestAnalyticsMonths(t *testing.T) {
	for want, retentions := range map[int][]string{
		13: {"30d", "12mo"},
		25: {"30d", "25mo", "1y"},
		24: {"2y"},
		15: {"400d"},
	} {
		var c Config
		for _, r := range retentions {
			c.Sites = append(c.Sites, SiteConfig{Purposes: []PurposeConfig{{Retention: r}}})
		}
		if got := c.AnalyticsMonths(); got != want {
			t.Errorf("%q: %d months, want %d", retentions, got, want)
		}
	}
	if got := (Config{}).AnalyticsMonths(); got != minKeep {
		t.Errorf("without sites: %d months", got)
	}
}
