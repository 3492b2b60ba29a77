package keyholder

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zgoda/event"
	"zgoda/pseudonym/access"
	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/rotation"
	"zgoda/pseudonym/vault"
)

// keys is what the administrator's calls about keys need.
type keys struct {
	ring    *keyring.Ring
	rotator *rotation.Rotator
	vault   remains
	log     *slog.Logger
}

// remains counts what is still under a version of a key, and is what a backup reads.
type remains interface {
	Dump(ctx context.Context, yield func(vault.Dumped) error) error
	Remaining(ctx context.Context, slot, link, gate uint32) (slots, links, gates uint64, err error)
	Counts() (identifiers, contacts int)
}

// Status tells how the keys are.
func (a *administrator) Status(ctx context.Context, _ *keyholderpb.StatusRequest) (*keyholderpb.StatusAnswer, error) {
	identifiers, contacts := a.keys.vault.Counts()
	answer := &keyholderpb.StatusAnswer{
		Kek: a.keys.ring.KEK(), Contacts: uint64(contacts), Identifiers: uint64(identifiers),
		Calls: a.calls.Seq(), Revision: a.keys.ring.Revision(),
	}
	var err error
	if answer.Node, err = a.keys.rotator.Nodes(ctx); err != nil {
		return nil, a.keys.failed("list the gateways", err)
	}
	all, err := a.keys.ring.Status(ctx)
	if err != nil {
		return nil, a.keys.failed("read the keys", err)
	}
	for _, s := range all {
		row, err := a.keys.statusOf(ctx, s)
		if err != nil {
			return nil, a.keys.failed("count what is under a key", err)
		}
		answer.Key = append(answer.Key, row)
	}
	for _, p := range a.keys.rotator.Told(ctx) {
		answer.UnderWay = append(answer.UnderWay, progressOf(p))
	}
	rewrapped, err := a.keys.rotator.Rewrapped(ctx)
	if err != nil {
		return nil, a.keys.failed("read the last re-wrap", err)
	}
	answer.Rewrapped = seconds(rewrapped)
	return answer, nil
}

func (k *keys) statusOf(ctx context.Context, s keyring.KeyStatus) (*keyholderpb.KeyStatus, error) {
	row := &keyholderpb.KeyStatus{
		Key: string(s.Key), Version: s.Version, State: s.State, Made: seconds(s.Made), Until: seconds(s.Until), Used: s.Used,
	}
	if s.State != keyring.StateOld {
		return row, nil
	}
	var err error
	switch s.Key {
	case rotation.Slot:
		row.Remaining, _, _, err = k.vault.Remaining(ctx, s.Version, 0, 0)
	case rotation.Link:
		_, row.Remaining, _, err = k.vault.Remaining(ctx, 0, s.Version, 0)
	case rotation.Gate:
		if row.Remaining, err = k.rotator.Alone(ctx, s.Version); err == nil {
			row.Reblinded, err = k.rotator.Reblinded(ctx)
		}
	}
	return row, err
}

// seconds is Unix time, and 0 for no time.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func progressOf(p rotation.Progress) *keyholderpb.Progress {
	return &keyholderpb.Progress{Key: string(p.Key), Step: p.Step, Done: p.Done, Of: p.Of, Ended: p.Ended}
}

// Rotate begins a rotation and tells how far it is. When the caller hangs up,
// the rotation goes on.
func (a *administrator) Rotate(request *keyholderpb.RotateRequest, to grpc.ServerStreamingServer[keyholderpb.Progress]) error {
	key := keyring.Key(request.GetKey())
	access.TallyOf(to.Context()).Key = known(key)
	err := a.keys.rotator.Start(to.Context(), key, rotation.Options{
		To: request.GetTo(), Passphrase: request.GetPassphrase(),
		Cut: request.GetCut(), Retire: request.GetRetire(), Lose: request.GetLose(),
	})
	if err != nil {
		return a.keys.failed("rotate", err)
	}
	var sent error
	err = a.keys.rotator.Watch(to.Context(), key, func(p rotation.Progress) bool {
		message := progressOf(p)
		message.Ended = p.Ended || p.Waits && key == rotation.Gate // both stay in use; nothing more is to come
		sent = to.Send(message)
		return sent == nil && !message.GetEnded()
	})
	return errors.Join(sent, err)
}

// known keeps a text that is no key's name out of the log.
func known(key keyring.Key) string {
	switch key {
	case rotation.Slot, rotation.Link, rotation.Gate, rotation.Profiling, rotation.Analytics, rotation.KEK:
		return string(key)
	}
	return "unknown"
}

// PurposeMap hands out every contact's pseudonym under the old and the new
// version of a purpose key.
func (a *administrator) PurposeMap(request *keyholderpb.PurposeMapRequest, to grpc.ServerStreamingServer[keyholderpb.PurposeMapPiece]) error {
	key, tally := keyring.Key(request.GetKey()), access.TallyOf(to.Context())
	tally.Key = known(key)
	if key != rotation.Profiling {
		return a.keys.failed("map pseudonyms", fmt.Errorf("%s: %w", tally.Key, rotation.ErrNotOpen))
	}
	var sent error
	err := a.keys.rotator.PurposeMap(to.Context(), func(from, version uint32, old, current []event.Handle) bool {
		tally.Rows += len(old)
		sent = to.Send(&keyholderpb.PurposeMapPiece{Old: columnOf(old), New: columnOf(current), From: from, To: version})
		return sent == nil
	})
	if sent != nil {
		return sent
	}
	if err != nil {
		return a.keys.failed("map pseudonyms", err)
	}
	return nil
}

func columnOf(handles []event.Handle) []byte {
	column := make([]byte, 0, len(handles)*len(event.Handle{}))
	for _, h := range handles {
		column = append(column, h[:]...)
	}
	return column
}

// maxNode bounds a gateway's name.
const maxNode = 64

// Lease lets one gateway at a time rewrite.
func (a *administrator) Lease(ctx context.Context, request *keyholderpb.LeaseRequest) (*keyholderpb.LeaseAnswer, error) {
	if name := request.GetNode(); name == "" || len(name) > maxNode {
		return nil, status.Error(codes.InvalidArgument, "a lease names a gateway, in at most 64 bytes")
	}
	held, until, err := a.keys.rotator.Lease(ctx, request.GetNode(), request.GetRelease())
	if err != nil {
		return nil, a.keys.failed("lease", err)
	}
	answer := &keyholderpb.LeaseAnswer{Held: held}
	if !until.IsZero() {
		answer.Until = until.UnixMilli()
	}
	return answer, nil
}

// RotateDone says that nothing is stored under the old key any more.
func (a *administrator) RotateDone(ctx context.Context, request *keyholderpb.RotateDoneRequest) (*keyholderpb.RotateDoneAnswer, error) {
	key := keyring.Key(request.GetKey())
	access.TallyOf(ctx).Key = known(key)
	if err := a.keys.rotator.Done(ctx, key); err != nil {
		return nil, a.keys.failed("end a rotation", err)
	}
	return &keyholderpb.RotateDoneAnswer{}, nil
}

// failed tells the caller what they can do something about. The rest is in the
// keyholder's own log.
func (k *keys) failed(act string, err error) error {
	switch {
	case errors.Is(err, rotation.ErrNotRotated):
		return status.Error(codes.InvalidArgument, rotation.ErrNotRotated.Error())
	case errors.Is(err, rotation.ErrBadKEK):
		return status.Error(codes.InvalidArgument, err.Error()) // it says why, with URIs and paths and no secret
	}
	for _, not := range []error{
		rotation.ErrUnderWay, rotation.ErrNoCut, rotation.ErrNotOld, rotation.ErrWouldLose, rotation.ErrNoKEK, rotation.ErrNotOpen,
		rotation.ErrNotLeading,
	} {
		if errors.Is(err, not) {
			return status.Error(codes.FailedPrecondition, err.Error())
		}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err).Err()
	}
	k.log.Error("keys", "act", act, "error", err)
	return status.Error(codes.Unavailable, "the keyholder could not do it; its own log tells why")
}
