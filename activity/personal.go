package activity

import "strings"

// PersonalTable is a table that holds rows under pseudonyms, and where.
type PersonalTable struct {
	Name    string
	Handles []string // columns with pseudonyms, FixedString(16)
	// Passing says that Name is how the names of tables begin that are there only
	// while a key's rotation is under way: copies, and the map in the server's memory.
	// An erasure waits for them to go.
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
}
