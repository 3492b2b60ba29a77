package pseudonym

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"

	"zgoda/event"
	"zgoda/pseudonym/identity"
	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/role"
)

// Administrator calls the keyholder as who looks after the keys does. It is safe
// for concurrent use.
type Administrator struct {
	link

	keys keyholderpb.AdministerClient
}

// DialAdministrator makes a client of the role administrator.
func DialAdministrator(cfg ClientConfig) (*Administrator, error) {
	l, err := connect(cfg)
	if err != nil {
		return nil, err
	}
	return &Administrator{link: l, keys: keyholderpb.NewAdministerClient(l.conn)}, nil
}

// Progress is how far a rotation is.
type Progress struct {
	Key, Step string
	Done, Of  uint64
	Ended     bool
}

// KeyStatus is one version of a key.
type KeyStatus struct {
	Key       string
	Version   uint32
	State     string // made, current, old, destroyed
	Made      time.Time
	Until     time.Time // zero: no end
	Used      string
	Remaining uint64 // rows that are still under an old one
	Reblinded uint64 // of an old gate key: identifiers that are kept and lead to their contacts under the current one
}

// Status is what the keyholder says of itself.
type Status struct {
	Keys                  []KeyStatus
	UnderWay              []Progress
	KEK                   string
	Contacts, Identifiers uint64
	Rewrapped             time.Time // zero: never
	Calls                 uint64    // entries of the log of calls
	Revision              uint64
	Nodes                 []string // gateways that fetched keys within a day
}

// Status asks how the keys are.
func (a *Administrator) Status(ctx context.Context) (s Status, err error) {
	err = a.call(ctx, "status", func(ctx context.Context) error {
		answer, err := a.keys.Status(ctx, &keyholderpb.StatusRequest{Call: a.callOf(ctx)})
		if err != nil {
			return err
		}
		s = Status{
			KEK: answer.GetKek(), Contacts: answer.GetContacts(), Identifiers: answer.GetIdentifiers(),
			Rewrapped: secondsOf(answer.GetRewrapped()), Calls: answer.GetCalls(), Revision: answer.GetRevision(), Nodes: answer.GetNode(),
		}
		for _, k := range answer.GetKey() {
			s.Keys = append(s.Keys, KeyStatus{
				Key: k.GetKey(), Version: k.GetVersion(), State: k.GetState(), Made: secondsOf(k.GetMade()),
				Until: secondsOf(k.GetUntil()), Used: k.GetUsed(), Remaining: k.GetRemaining(), Reblinded: k.GetReblinded(),
			})
		}
		for _, p := range answer.GetUnderWay() {
			s.UnderWay = append(s.UnderWay, readProgress(p))
		}
		return nil
	})
	return s, err
}

func secondsOf(unix int64) time.Time {
	if unix == 0 {
		return time.Time{}
	}
	return time.Unix(unix, 0)
}

func readProgress(p *keyholderpb.Progress) Progress {
	return Progress{Key: p.GetKey(), Step: p.GetStep(), Done: p.GetDone(), Of: p.GetOf(), Ended: p.GetEnded()}
}

// Rotation says what to rotate.
type Rotation struct {
	Key    string
	To     string // the new provider's URI, of kek
	Cut    bool   // the old pseudonyms are not carried on
	Retire uint32 // version of gate to destroy
	Lose   uint64 // identifiers that may be lost by it

	Passphrase []byte // of kek, if To is passphrase:
}

// Rotate begins or goes on with a rotation, and tells how far it is until it
// ends. When the call is given up, the rotation goes on.
func (a *Administrator) Rotate(ctx context.Context, r Rotation, tell func(Progress)) error {
	return a.counted(ctx, "rotate", func() error {
		answers, err := a.keys.Rotate(ctx, &keyholderpb.RotateRequest{
			Call: a.callOf(ctx), Key: r.Key, To: r.To, Cut: r.Cut, Retire: r.Retire, Lose: r.Lose, Passphrase: r.Passphrase,
		})
		return receive(answers, err, func(p *keyholderpb.Progress) error {
			tell(readProgress(p))
			return nil
		})
	})
}

// receive takes all messages of an answer in parts.
func receive[T any](answers grpc.ServerStreamingClient[T], err error, do func(*T) error) error {
	if err != nil {
		return err
	}
	for {
		one, err := answers.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := do(one); err != nil {
			return err
		}
	}
}

// PurposeMap are pseudonyms under two versions of a purpose key.
type PurposeMap struct {
	From, To uint32
	Old, New []event.Handle // in pairs
}

// PurposeMap hands out what the old pseudonyms have become, in parts.
func (a *Administrator) PurposeMap(ctx context.Context, key string, do func(PurposeMap) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return a.counted(ctx, "purpose_map", func() error {
		answers, err := a.keys.PurposeMap(ctx, &keyholderpb.PurposeMapRequest{Call: a.callOf(ctx), Key: key})
		return receive(answers, err, func(p *keyholderpb.PurposeMapPiece) error {
			before, err := handlesOf(p.GetOld())
			after, errs := handlesOf(p.GetNew())
			if err != nil || errs != nil || len(before) != len(after) {
				return ErrAnswer
			}
			return do(PurposeMap{From: p.GetFrom(), To: p.GetTo(), Old: before, New: after})
		})
	})
}

func handlesOf(column []byte) ([]event.Handle, error) {
	const size = len(event.Handle{})
	if len(column)%size != 0 {
		return nil, ErrAnswer
	}
	out := make([]event.Handle, len(column)/size)
	for i := range out {
		copy(out[i][:], column[i*size:])
	}
	return out, nil
}

// Lease asks to be the one gateway that rewrites, or gives that up.
func (a *Administrator) Lease(ctx context.Context, node string, release bool) (held bool, until time.Time, err error) {
	err = a.call(ctx, "lease", func(ctx context.Context) error {
		answer, err := a.keys.Lease(ctx, &keyholderpb.LeaseRequest{Call: a.callOf(ctx), Node: node, Release: release})
		held, until = answer.GetHeld(), timeOf(answer.GetUntil())
		return err
	})
	return held, until, err
}

// RotateDone says that nothing is stored under the old key any more. All keysets are
// wrapped anew before it is answered.
func (a *Administrator) RotateDone(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, max(doneWithin, a.cfg.Deadline))
	defer cancel()
	return a.counted(ctx, "rotate_done", func() error {
		_, err := a.keys.RotateDone(ctx, &keyholderpb.RotateDoneRequest{Call: a.callOf(ctx), Key: key})
		return err
	})
}

const doneWithin = 30 * time.Second

// Issue makes a private key, has a certificate for a role signed, and writes
// both to a file. life 0: a day.
func (a *Administrator) Issue(ctx context.Context, who role.Caller, life time.Duration, path string) (until time.Time, err error) {
	roles := map[role.Role]keyholderpb.Role{
		role.Pseudonymise: keyholderpb.Role_ROLE_PSEUDONYMISE, role.Rights: keyholderpb.Role_ROLE_RIGHTS, role.Administrator: keyholderpb.Role_ROLE_ADMINISTRATOR,
	}
	pending, request, err := identity.Request()
	if err != nil {
		return time.Time{}, err
	}
	var answer *keyholderpb.IssueAnswer
	err = a.call(ctx, "issue", func(ctx context.Context) error {
		answer, err = a.keys.Issue(ctx, &keyholderpb.IssueRequest{
			Call: a.callOf(ctx), Role: roles[who.Role], Name: who.Name, Seconds: uint32(life / time.Second), Request: request,
		})
		return err
	})
	if err != nil {
		return time.Time{}, err
	}
	return secondsOf(answer.GetUntil()), pending.Write(path, answer.GetCertificate(), answer.GetAuthority())
}

// Backup writes an age file of keys and vault, made by the keyholder.
func (a *Administrator) Backup(ctx context.Context, recipients []string, to io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return a.counted(ctx, "backup", func() error {
		answers, err := a.keys.Backup(ctx, &keyholderpb.BackupRequest{Call: a.callOf(ctx), Recipient: recipients})
		return receive(answers, err, func(p *keyholderpb.BackupPiece) error { return write(to, p.GetPart()) })
	})
}

// Calls writes the log of calls, from an entry on.
func (a *Administrator) Calls(ctx context.Context, from uint64, to io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return a.counted(ctx, "calls", func() error {
		answers, err := a.keys.Calls(ctx, &keyholderpb.CallsRequest{Call: a.callOf(ctx), From: from})
		return receive(answers, err, func(p *keyholderpb.CallsPiece) error { return write(to, p.GetLines()) })
	})
}

func write(to io.Writer, part []byte) error {
	if _, err := to.Write(part); err != nil {
		return fmt.Errorf("write what the keyholder answers: %w", err)
	}
	return nil
}
