package activity

import "context"

// EndEngine asks the embedded engine to end: it kills the query that holds the
// engine's first thread, whose user shows as empty.
func EndEngine(ctx context.Context, address, user, password string) error {
	c := DefaultConfig()
	c.Address, c.User, c.Password, c.Database = address, user, password, "default"
	s, err := Open(ctx, c)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	if err := s.conn.Exec(ctx, "KILL QUERY WHERE user = ''"); err != nil {
		return classify("end the engine", err)
	}
	return nil
}
