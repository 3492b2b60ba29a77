package keyholder

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"

	"zgoda/event"
	"zgoda/pseudonym/access"
	"zgoda/pseudonym/cases"
	"zgoda/pseudonym/keyholderpb"
)

// Destroy destroys everything that is kept of whom cases are about.
func (r *requests) Destroy(request *keyholderpb.DestroyRequest, to grpc.ServerStreamingServer[keyholderpb.Sealed]) error {
	ctx := to.Context()
	tally := access.TallyOf(ctx)
	tally.Rows = len(request.GetCase())
	if tally.Rows == 0 || tally.Rows > maxCases {
		return errCases
	}
	orders := make([]cases.Order, 0, tally.Rows)
	for _, wire := range request.GetCase() {
		o, err := orderOf(wire)
		if err != nil {
			return err
		}
		orders = append(orders, o)
	}
	who, _ := access.From(ctx)
	if err := r.rights.service.policy.Quota.TakeErasures(who, tally.Rows); err != nil {
		tally.Why = access.WhyQuota
		return err
	}
	err := r.cases.Destroy(ctx, orders, func(s cases.Sealed) error {
		r.ended.counter.Add(1)
		return to.Send(wireSealed(&s))
	})
	return r.answered(ctx, err)
}

func orderOf(wire *keyholderpb.Destroyed) (o cases.Order, err error) {
	shared, whole := idsOf(wire.GetShared(), maxMessage/16)
	if len(wire.GetId()) != 16 || !whole {
		return o, errCases
	}
	o = cases.Order{ID: [16]byte(wire.GetId()), Cutoff: seen(wire.GetCutoff()), Until: seen(wire.GetUntil())}
	for _, h := range shared {
		o.Shared = append(o.Shared, event.Handle(h))
	}
	for _, w := range wire.GetWindow() {
		if len(w.GetHandle()) != 16 || w.GetFrom() < 0 || w.GetTo() < 0 {
			return o, errCases
		}
		o.Windows = append(o.Windows, cases.Window{Handle: event.Handle(w.GetHandle()), From: seen(w.GetFrom()), To: seen(w.GetTo())})
	}
	return o, nil
}

func wireSealed(s *cases.Sealed) *keyholderpb.Sealed {
	return &keyholderpb.Sealed{Id: s.ID[:], Entry: s.Entry, KeysGone: seconds(s.KeysGone), At: s.At.UnixMilli(), Until: s.Until.UnixMilli()}
}

// Erasures tells the journal of what was destroyed.
func (r *requests) Erasures(request *keyholderpb.ErasuresRequest, to grpc.ServerStreamingServer[keyholderpb.ErasurePiece]) error {
	ctx := to.Context()
	want, whole := idsOf(request.GetWant(), maxCaseNames)
	if !whole {
		return errNames
	}
	if len(want) == 0 {
		return r.answered(ctx, r.erasureIDs(ctx, to))
	}
	list, err := r.cases.Erasures(ctx, want)
	for i := range list {
		if err != nil {
			break
		}
		access.TallyOf(ctx).Rows++
		err = to.Send(&keyholderpb.ErasurePiece{Entry: []*keyholderpb.Sealed{wireSealed(&list[i])}})
	}
	return r.answered(ctx, err)
}

func (r *requests) erasureIDs(ctx context.Context, to grpc.ServerStreamingServer[keyholderpb.ErasurePiece]) error {
	piece := &keyholderpb.ErasurePiece{}
	err := r.cases.EachErasure(ctx, func(id [16]byte) error {
		access.TallyOf(ctx).Rows++
		if piece.Id = append(piece.GetId(), id[:]...); len(piece.GetId()) < casePiece*16 {
			return nil
		}
		full := piece
		piece = &keyholderpb.ErasurePiece{}
		return to.Send(full)
	})
	if err != nil || len(piece.GetId()) == 0 {
		return err
	}
	return to.Send(piece)
}

// Replay destroys again whoever is there again.
func (r *requests) Replay(both grpc.BidiStreamingServer[keyholderpb.ReplayRequest, keyholderpb.CasePiece]) error {
	ctx := both.Context()
	entries, err := entriesOf(both)
	if err != nil {
		return err
	}
	access.TallyOf(ctx).Rows = len(entries)
	err = r.cases.Replay(ctx, entries, func(p cases.Replayed) error {
		piece := &keyholderpb.CasePiece{Id: p.ID[:], Site: string(p.Site), State: keyholderpb.CaseState_CASE_UNKNOWN}
		if p.Opened {
			piece.State, piece.Cutoff = keyholderpb.CaseState_CASE_DESTROYED, p.Cutoff.UnixMilli()
		}
		for i := range p.Windows {
			w := &p.Windows[i]
			one := &keyholderpb.CaseWindow{Handle: w.Handle[:]}
			if !w.From.IsZero() {
				one.From = w.From.UnixMilli()
			}
			if !w.To.IsZero() {
				one.To = w.To.UnixMilli()
			}
			piece.Window = append(piece.GetWindow(), one)
		}
		return inPieces(p.Pseudonyms, func(part []*keyholderpb.CasePseudonym) error {
			piece.Pseudonym = part
			defer func() { piece.Window = nil }()
			return both.Send(piece)
		})
	})
	return r.answered(ctx, err)
}

// maxReplay bounds the bytes of what one call replays.
const maxReplay = 64 << 20

func entriesOf(from grpc.BidiStreamingServer[keyholderpb.ReplayRequest, keyholderpb.CasePiece]) (entries [][]byte, err error) {
	bytes, more := 0, false
	for {
		part, err := from.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		for _, e := range part.GetEntry() {
			bytes += len(e)
			if more {
				entries[len(entries)-1] = append(entries[len(entries)-1], e...)
				more = false
				continue
			}
			entries = append(entries, e)
		}
		more = part.GetMore() && len(entries) > 0
		if len(entries) > maxCaseNames || bytes > maxReplay {
			return nil, errEntries
		}
	}
	if len(entries) == 0 || more {
		return nil, errEntries
	}
	return entries, nil
}
