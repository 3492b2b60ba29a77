package calls

// countKey is what calls are summed up by.
type countKey struct{ role, caller, act, outcome, why string }

// Count adds a call to the sum of its kind, which becomes one entry: within a
// second if it is of note (a refusal, unknown rows), else within half a minute.
// What is not written yet is lost by a crash.
func (l *Log) Count(e Entry) {
	key := countKey{e.Role, e.Caller, e.Act, e.Outcome, e.Why}
	l.counting.Lock()
	defer l.counting.Unlock()
	sum := l.counts[key]
	if sum == nil {
		sum = &Entry{Role: e.Role, Caller: e.Caller, Act: e.Act, Outcome: e.Outcome, Why: e.Why}
		l.counts[key] = sum
	}
	sum.add(e)
}

func (e *Entry) add(more Entry) {
	e.Rows += more.Rows
	e.Unknown += more.Unknown
	e.Minted += more.Minted
	e.Calls += max(more.Calls, 1)
}

// take takes the sums out that are to be written.
func (l *Log) take(all bool) []Entry {
	l.counting.Lock()
	defer l.counting.Unlock()
	var entries []Entry
	for key, sum := range l.counts {
		if all || sum.Unknown > 0 || sum.Outcome != "done" {
			entries = append(entries, *sum)
			delete(l.counts, key)
		}
	}
	return entries
}

// back puts sums back that could not be written.
func (l *Log) back(entries []Entry) {
	for _, e := range entries {
		l.Count(e)
	}
}
