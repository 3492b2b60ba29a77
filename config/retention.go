package config

// minKeep is how long the key of a month's analytics pseudonyms is kept at
// least: rows that an earlier configuration kept longer are still found by it.
const minKeep = 13

// AnalyticsMonths returns how many months after a month rows of it may still be
// there, for any purpose of any site. The configuration must be valid.
func (c Config) AnalyticsMonths() int {
	months := minKeep
	for i := range c.Sites {
		for j := range c.Sites[i].Purposes {
			keep, err := ParseRetention(c.Sites[i].Purposes[j].Retention)
			if err != nil {
				continue // Validate has said so
			}
			months = max(months, keep.Months+(keep.Days+27)/28)
		}
	}
	return months
}
