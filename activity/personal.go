package activity

import "strings"

// PersonalTable is a table that holds rows under pseudonyms, and where.
type PersonalTable struct {
	Name    string
	Handles []string // columns with pseudonyms, FixedString(16)
	// Passing says that Name is how the names of tables begin that are there only
	// while a key's rotation or an erasure is under way: copies, and what is in the
	// server's memory. An erasure waits for the copies of a rotation to go.
	Passing bool
}

// Is says whether a table is one of these.
func (p PersonalTable) Is(table string) bool {
	return p.Name == table || p.Passing && strings.HasPrefix(table, p.Name)
}

// PersonalTables are all tables that hold rows under pseudonyms: what an
// erasure and an export must go through. A test refuses one that is missing.
var PersonalTables = []PersonalTable{
	{Name: "events", Handles: []string{"subject", "visitor"}},
	{Name: "links", Handles: []string{"subject", "visitor"}},
	{Name: eventsCopyPrefix, Handles: []string{"subject", "visitor"}, Passing: true},
	{Name: linksCopyPrefix, Handles: []string{"subject", "visitor"}, Passing: true},
	{Name: mapPrefix, Handles: []string{"old", "new"}, Passing: true},
	{Name: erasingPrefix, Handles: []string{"subject"}, Passing: true},
	{Name: keptPrefix, Handles: []string{"subject", "visitor"}, Passing: true}, // both zero
	{Name: hiddenTable, Handles: []string{"subject"}},                          // in the server's memory alone
	{Name: hiddenPrefix, Handles: []string{"subject"}, Passing: true},
}

// PersonalViews are the views that show rows under pseudonyms. They keep nothing.
var PersonalViews = []string{"visible_events", "profiled_events", "decidable_events"}

// Lasting are the tables that a backup takes along, one by one: a backup of the whole
// database would take along what is meant to be in memory alone.
var Lasting = []string{"events", "links", "erasures_done", historyTable}
