package spool

import (
	"context"
	"errors"
)

// ErrSetAside says that everything readable was erased, but files that were set
// aside as damaged may hold more: nobody can tell whose records are in them.
var ErrSetAside = errors.New("files that were set aside as damaged cannot be searched")

// errEraseUnavailable is returned while erasure is not available.
var errEraseUnavailable = errors.New("erasure is not available")

// Erase takes every record for which match is true off the disk: when it returns
// nil, each record whose Put had returned before the call is in no file of the
// spool any more. Batches that Next or Read hand out from then on hold a slice
// of length zero in its place; the positions of all records stay what they were.
// It returns how many records it erased, and what it erased before an error
// stays erased. ErrSetAside says that damaged files could not be searched. match
// must not keep its argument and may be called twice for one record.
func (s *Spool) Erase(ctx context.Context, match func(rec []byte) bool) (erased int, err error) {
	return 0, errors.Join(ctx.Err(), errEraseUnavailable)
}

// Erase takes every record for which match is true out of the log's files, the
// one being written included. It may be called beside Append. Otherwise it is
// as Spool.Erase.
func (l *Log) Erase(ctx context.Context, match func(rec []byte) bool) (erased int, err error) {
	return 0, errors.Join(ctx.Err(), errEraseUnavailable)
}
