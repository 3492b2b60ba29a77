package keyholder

import (
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zgoda/pseudonym/access"
	"zgoda/pseudonym/backup"
	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/vault"
)

// backupPiece is how much of a backup one message carries.
const backupPiece = 64 << 10

// maxRecipients bounds to how many a backup is sealed.
const maxRecipients = 16

// Backup streams keys and vault, sealed to age recipients before they leave this
// process.
func (a *administrator) Backup(request *keyholderpb.BackupRequest, to grpc.ServerStreamingServer[keyholderpb.BackupPiece]) error {
	if n := len(request.GetRecipient()); n == 0 || n > maxRecipients {
		return status.Error(codes.InvalidArgument, "a backup takes 1 to 16 recipients")
	}
	out := &pieces{to: to}
	told, err := backup.Write(to.Context(), out, request.GetRecipient(), a.keys.ring, a.keys.vault, time.Now())
	access.TallyOf(to.Context()).Rows = int(told.Contacts)
	switch {
	case errors.Is(err, backup.ErrRecipient):
		return status.Error(codes.InvalidArgument, backup.ErrRecipient.Error())
	case errors.Is(err, backup.ErrChanged):
		return status.Error(codes.Aborted, backup.ErrChanged.Error())
	case errors.Is(err, vault.ErrShared):
		return status.Error(codes.FailedPrecondition, vault.ErrShared.Error())
	case err != nil:
		return a.keys.failed("back up keys and vault", err)
	}
	return out.flush()
}

// pieces gathers what is written into messages.
type pieces struct {
	to   grpc.ServerStreamingServer[keyholderpb.BackupPiece]
	part []byte
}

// Write keeps b until there is a message full of it.
func (p *pieces) Write(b []byte) (int, error) {
	p.part = append(p.part, b...)
	if len(p.part) < backupPiece {
		return len(b), nil
	}
	return len(b), p.flush()
}

func (p *pieces) flush() error {
	if len(p.part) == 0 {
		return nil
	}
	part := p.part
	p.part = nil
	return p.to.Send(&keyholderpb.BackupPiece{Part: part})
}
