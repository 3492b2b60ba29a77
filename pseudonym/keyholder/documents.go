package keyholder

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/person"
)

var errHead = status.Error(codes.InvalidArgument, "a document begins with what it is, and goes on in parts of at most 64 KiB")

// Attach keeps a document with a contact, as it comes in.
func (r *rights) Attach(from grpc.ClientStreamingServer[keyholderpb.AttachPiece, keyholderpb.AttachAnswer]) error {
	ctx := from.Context()
	first, err := from.Recv()
	if err != nil {
		return err
	}
	about := first.GetHead().GetAttached()
	if about == nil || len(first.GetPart()) > 0 {
		return errHead
	}
	id, err := r.contact(ctx, first.GetHead().GetRef())
	if err != nil {
		return err
	}
	d := person.Document{
		Name: about.GetName(), Type: about.GetType(), Bytes: about.GetBytes(),
		Source: about.GetSource(), Basis: about.GetBasis(), Seen: seen(about.GetSeen()),
	}
	document, err := r.persons.people.Attach(ctx, id, d, &incoming{from: from})
	if err != nil {
		return r.refused(ctx, err)
	}
	return from.SendAndClose(&keyholderpb.AttachAnswer{Id: document[:]})
}

// incoming reads the parts of a document.
type incoming struct {
	from grpc.ClientStreamingServer[keyholderpb.AttachPiece, keyholderpb.AttachAnswer]
	rest []byte
}

func (in *incoming) Read(p []byte) (int, error) {
	for len(in.rest) == 0 {
		piece, err := in.from.Recv()
		if err != nil {
			return 0, err // io.EOF at the end
		}
		if piece.GetHead() != nil || len(piece.GetPart()) > person.ChunkSize {
			return 0, errHead
		}
		in.rest = piece.GetPart()
	}
	n := copy(p, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

// Attachment hands a document out. That it may was seen to before.
func (r *rights) Attachment(request *keyholderpb.AttachmentRequest, to grpc.ServerStreamingServer[keyholderpb.AttachPiece]) error {
	ctx := to.Context()
	id, err := r.contact(ctx, request.GetRef())
	if err != nil {
		return err
	}
	if len(request.GetId()) != 16 {
		return errNoPerson
	}
	begin := func(d person.Document) error {
		return to.Send(&keyholderpb.AttachPiece{Head: &keyholderpb.AttachHead{Attached: attached(&d)}})
	}
	if err := r.persons.people.Document(ctx, id, [16]byte(request.GetId()), begin, outgoing{to}); err != nil {
		return r.refused(ctx, err)
	}
	return nil
}

// outgoing sends what is written in parts.
type outgoing struct {
	to grpc.ServerStreamingServer[keyholderpb.AttachPiece]
}

func (o outgoing) Write(part []byte) (int, error) {
	if err := o.to.Send(&keyholderpb.AttachPiece{Part: part}); err != nil {
		return 0, err
	}
	return len(part), nil
}
