package activity

// PersonalTable is a table that holds rows under pseudonyms, and where.
type PersonalTable struct {
	Name    string
	Handles []string // columns with pseudonyms, FixedString(16)
}

// PersonalTables are all tables that hold rows under pseudonyms: what an
// erasure and an export must go through. A test refuses one that is missing.
var PersonalTables = []PersonalTable{
	{Name: "events", Handles: []string{"subject", "visitor"}},
	{Name: "links", Handles: []string{"subject", "visitor"}},
}
