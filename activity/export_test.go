package activity

import "context"

// Exec runs a statement of a test's own; {db} is the database.
func Exec(ctx context.Context, s *Store, statement string) error {
	return s.exec(ctx, "change a table", statement)
}
