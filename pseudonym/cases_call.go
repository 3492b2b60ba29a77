package pseudonym

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"

	"zgoda/event"
	"zgoda/pseudonym/keyholderpb"
)

// MaxCases is how many cases go out in one call to be opened or destroyed; a longer
// list is split, and so is one that would be too long in bytes.
const (
	MaxCases     = 1024
	maxCaseNames = 4096
	maxCaseBytes = 256 << 10
)

// parts cuts a list into parts of at most so many elements and, unless one alone is
// longer, of at most maxCaseBytes.
func parts[T any](list []T, most int, size func(*T) int) (out [][]T) {
	for len(list) > 0 {
		n, bytes := 0, 0
		for n < min(len(list), most) {
			if bytes += size(&list[n]); bytes > maxCaseBytes && n > 0 {
				break
			}
			n++
		}
		out, list = append(out, list[:n]), list[n:]
	}
	return out
}

// OpenCases keeps whom requests are about, and returns one answer for each, in
// order. Doing it again with the same ids answers the same.
func (r *Rights) OpenCases(ctx context.Context, list []CaseOf) (opened []OpenedCase, err error) {
	for _, part := range parts(list, MaxCases, func(c *CaseOf) int { return 64 + len(c.Site) + len(c.Who.Value) + len(c.Who.Sealed) }) {
		request := &keyholderpb.OpenCasesRequest{}
		for i := range part {
			request.Case = append(request.Case, wireCase(&part[i]))
		}
		first := len(opened)
		err := r.counted(ctx, "open_cases", func() error { // a pseudonym is looked for in the whole vault
			request.Call = r.callOf(ctx)
			answers, err := r.cases.OpenCases(ctx, request)
			err = receive(answers, err, func(p *keyholderpb.OpenedCase) error { return addOpened(&opened, first, p) })
			if err == nil && len(opened)-first != len(part) {
				return ErrAnswer
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return opened, nil
}

// CasePseudonyms tells all pseudonyms of whom cases are about. Whoever is not known
// any more is left out.
func (r *Rights) CasePseudonyms(ctx context.Context, ids [][16]byte, yield func(CasePiece) error) error {
	return r.pseudonyms(ctx, ids, nil, yield)
}

// PseudonymsOf tells all pseudonyms of contacts by those of consent. Whoever is not
// known is left out, and so is a visitor. It looks through the whole vault once for
// maxCaseNames of them.
func (r *Rights) PseudonymsOf(ctx context.Context, handles []event.Handle, yield func(CasePiece) error) error {
	return r.pseudonyms(ctx, nil, handles, yield)
}

func (r *Rights) pseudonyms(ctx context.Context, ids [][16]byte, handles []event.Handle, yield func(CasePiece) error) error {
	var requests []*keyholderpb.CasePseudonymsRequest
	for _, part := range parts(ids, maxCaseNames, func(*[16]byte) int { return 16 }) {
		requests = append(requests, &keyholderpb.CasePseudonymsRequest{Id: columnOf(part)})
	}
	for _, part := range parts(handles, maxCaseNames, func(*event.Handle) int { return 16 }) {
		requests = append(requests, &keyholderpb.CasePseudonymsRequest{Handle: columnOf(part)})
	}
	for _, request := range requests {
		err := r.streamed(ctx, "case_pseudonyms", func(ctx context.Context) error {
			request.Call = r.callOf(ctx)
			answers, err := r.cases.CasePseudonyms(ctx, request)
			return receivePieces(answers, err, yield)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// CaseIdentifiers tells what a recipient has to know to act on a request: the
// identifiers of the kinds that are named, or all.
func (r *Rights) CaseIdentifiers(ctx context.Context, id [16]byte, kinds []event.IdentifierKind, recipient string) (data []Datum, err error) {
	request := &keyholderpb.CaseIdentifiersRequest{Id: id[:], Recipient: recipient}
	for _, k := range kinds {
		request.Kind = append(request.Kind, uint32(k))
	}
	err = r.call(ctx, "case_identifiers", func(ctx context.Context) error {
		request.Call = r.callOf(ctx)
		answer, err := r.cases.CaseIdentifiers(ctx, request)
		data = readData(answer.GetDatum())
		return err
	})
	return data, err
}

// Destroy destroys everything that is kept of whom cases are about and returns the
// entries of the journal, in order. For a case that was destroyed before it returns
// the same entry; a case that was never opened is ErrNotFound.
func (r *Rights) Destroy(ctx context.Context, list []Destroyed) (sealed []SealedErasure, err error) {
	for _, part := range parts(list, MaxCases, func(d *Destroyed) int { return 64 + 40*len(d.Windows) + 16*len(d.Shared) }) {
		request := &keyholderpb.DestroyRequest{}
		for i := range part {
			request.Case = append(request.Case, wireDestroyed(&part[i]))
		}
		first := len(sealed)
		err := r.counted(ctx, "destroy", func() error {
			request.Call = r.callOf(ctx)
			answers, err := r.cases.Destroy(ctx, request)
			err = receive(answers, err, func(p *keyholderpb.Sealed) error { return addSealed(&sealed, p) })
			if err == nil && len(sealed)-first != len(part) {
				return ErrAnswer
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return sealed, nil
}

// CloseCases forgets whom requests were about. Cases that are not there are none
// any more.
func (r *Rights) CloseCases(ctx context.Context, ids [][16]byte) error {
	for _, part := range parts(ids, maxCaseNames, func(*[16]byte) int { return 16 }) {
		err := r.counted(ctx, "close_cases", func() error {
			_, err := r.cases.CloseCases(ctx, &keyholderpb.CloseCasesRequest{Call: r.callOf(ctx), Id: columnOf(part)})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ListCases tells which cases there are, in no order.
func (r *Rights) ListCases(ctx context.Context, yield func(ListedCase) error) error {
	return r.streamed(ctx, "list_cases", func(ctx context.Context) error {
		answers, err := r.cases.ListCases(ctx, &keyholderpb.ListCasesRequest{Call: r.callOf(ctx)})
		return receive(answers, err, func(p *keyholderpb.ListCasesPiece) error {
			ids, err := idsOf(p.GetId())
			if err != nil || len(ids) != len(p.GetOpened()) {
				return ErrAnswer
			}
			for i, id := range ids {
				if err := yield(ListedCase{ID: id, Opened: timeOf(p.GetOpened()[i])}); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// streamed runs an exchange in parts that ends with its caller's interest.
func (r *Rights) streamed(ctx context.Context, act string, do func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return r.counted(ctx, act, func() error { return do(ctx) })
}

// receivePieces puts together what comes of one person in several messages.
func receivePieces(answers grpc.ServerStreamingClient[keyholderpb.CasePiece], err error, yield func(CasePiece) error) error {
	if err != nil {
		return err
	}
	return joinPieces(answers.Recv, yield)
}

func joinPieces(next func() (*keyholderpb.CasePiece, error), yield func(CasePiece) error) error {
	var open *CasePiece
	for {
		wire, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		p, err := readPiece(wire)
		if err != nil {
			return err
		}
		if open != nil && open.ID == p.ID && open.Handle == p.Handle {
			open.Pseudonyms = append(open.Pseudonyms, p.Pseudonyms...)
			open.Windows = append(open.Windows, p.Windows...)
			continue
		}
		if open != nil {
			if err := yield(*open); err != nil {
				return err
			}
		}
		open = &p
	}
	if open == nil {
		return nil
	}
	return yield(*open)
}
