package pseudonym

import (
	"context"
	"errors"
	"io"

	"zgoda/pseudonym/keyholderpb"
)

// ErasureIDs tells which erasures the keyholder's journal has.
func (r *Rights) ErasureIDs(ctx context.Context) (ids [][16]byte, err error) {
	err = r.erasures(ctx, nil, func(p *keyholderpb.ErasurePiece) error {
		more, err := idsOf(p.GetId())
		ids = append(ids, more...)
		return err
	})
	return ids, err
}

// Erasures returns entries of the keyholder's journal. What it does not have is
// left out.
func (r *Rights) Erasures(ctx context.Context, want [][16]byte) (sealed []SealedErasure, err error) {
	for _, part := range parts(want, maxCaseNames, func(*[16]byte) int { return 16 }) {
		err := r.erasures(ctx, columnOf(part), func(p *keyholderpb.ErasurePiece) error {
			for _, one := range p.GetEntry() {
				if err := addSealed(&sealed, one); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return sealed, nil
}

func (r *Rights) erasures(ctx context.Context, want []byte, do func(*keyholderpb.ErasurePiece) error) error {
	return r.streamed(ctx, "erasures", func(ctx context.Context) error {
		answers, err := r.cases.Erasures(ctx, &keyholderpb.ErasuresRequest{Call: r.callOf(ctx), Want: want})
		return receive(answers, err, do)
	})
}

// Replay destroys again whoever is there again of entries of the journal, puts the
// entries into the keyholder's own, and tells whose rows are to go.
func (r *Rights) Replay(ctx context.Context, entries [][]byte, yield func(CasePiece) error) error {
	for _, part := range parts(entries, maxCaseNames, func(e *[]byte) int { return min(len(*e), maxCaseBytes/maxCaseNames) }) {
		if err := r.streamed(ctx, "replay", func(ctx context.Context) error { return r.replay(ctx, part, yield) }); err != nil {
			return err
		}
	}
	return nil
}

func (r *Rights) replay(ctx context.Context, entries [][]byte, yield func(CasePiece) error) error {
	answers, err := r.cases.Replay(ctx)
	if err != nil {
		return err
	}
	request := &keyholderpb.ReplayRequest{Call: r.callOf(ctx)}
	bytes := 0
	send := func(more bool) error {
		request.More = more
		err := answers.Send(request)
		request, bytes = &keyholderpb.ReplayRequest{}, 0
		if errors.Is(err, io.EOF) { // Recv says why
			return nil
		}
		return err
	}
	for _, e := range entries {
		if bytes+len(e) > maxCaseBytes && bytes > 0 {
			if err := send(false); err != nil {
				return err
			}
		}
		for len(e) > maxCaseBytes {
			request.Entry = append(request.Entry, e[:maxCaseBytes])
			if err := send(true); err != nil {
				return err
			}
			e = e[maxCaseBytes:]
		}
		request.Entry = append(request.Entry, e)
		bytes += len(e)
	}
	if err := send(false); err != nil {
		return err
	}
	if err := answers.CloseSend(); err != nil {
		return err
	}
	return joinPieces(answers.Recv, yield)
}

// Idle names contacts that were not seen since a day, counted from 1970 in UTC: at
// most limit of them.
func (r *Rights) Idle(ctx context.Context, before, limit uint32, yield func(IdleName) error) error {
	return r.streamed(ctx, "idle", func(ctx context.Context) error {
		answers, err := r.cases.Idle(ctx, &keyholderpb.IdleRequest{Call: r.callOf(ctx), Before: before, Limit: limit})
		return receive(answers, err, func(p *keyholderpb.IdlePiece) error {
			const size = len(IdleName{})
			names := p.GetIdle()
			if len(names)%size != 0 {
				return ErrAnswer
			}
			for ; len(names) > 0; names = names[size:] {
				if err := yield(IdleName(names[:size])); err != nil {
					return err
				}
			}
			return nil
		})
	})
}
