package activity

import (
	"context"
	"time"
)

// MarkErased notes which requests for erasure were carried out here. A backup takes
// the notes along, so that after a restore it shows which of them it is from before.
func (s *Store) MarkErased(ctx context.Context, ids [][16]byte, until time.Time) error {
	const act = "note erasures"
	if len(ids) == 0 {
		return nil
	}
	names, at, end := make([][]byte, len(ids)), make([]time.Time, len(ids)), make([]time.Time, len(ids))
	for i := range ids {
		names[i], at[i], end[i] = ids[i][:], time.Now(), until
	}
	return s.insertColumns(ctx, act, "erasures_done", []string{"id", "at", "until"}, []any{names, at, end})
}

// ErasedMarks returns the requests that MarkErased was told of and that are not past
// their end.
func (s *Store) ErasedMarks(ctx context.Context) (ids [][16]byte, err error) {
	const act = "read which erasures were carried out"
	rows, err := s.conn.Query(ctx, "SELECT DISTINCT id FROM "+s.database+".erasures_done WHERE until > now() ORDER BY id")
	if err != nil {
		return nil, classify(act, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, classify(act, err)
		}
		ids = append(ids, [16]byte([]byte(id)))
	}
	return ids, classifyOrNil(act, rows.Err())
}
