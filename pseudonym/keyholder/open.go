package keyholder

import (
	"context"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zgoda/event"
	"zgoda/pseudonym/access"
	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/sealed"
	"zgoda/pseudonym/secret"
)

var errBlobs = status.Error(codes.InvalidArgument, "open takes 1 to 256 sealed blobs")

// Open gives back what gateways sealed while the keyholder was away. It tells of no
// contact whether it is known, so it counts against no quota of unknown ones.
func (s *service) Open(ctx context.Context, request *keyholderpb.OpenRequest) (*keyholderpb.OpenAnswer, error) {
	tally := access.TallyOf(ctx)
	tally.Rows = len(request.GetBlob())
	if tally.Rows > keyholderpb.MaxOpen {
		tally.Why = access.WhyOversized
	}
	if tally.Rows == 0 || tally.Rows > keyholderpb.MaxOpen {
		return nil, errBlobs
	}
	opener, err := s.opener()
	if err != nil {
		s.log.Error("the keys that open what was sealed", "error", err)
		return nil, errNoKeys
	}
	gates := s.ring.Gateway().Gate
	answer := &keyholderpb.OpenAnswer{}
	for _, blob := range request.GetBlob() {
		answer.Opened = append(answer.Opened, opened(opener, blob, gates))
	}
	return answer, nil
}

func (s *service) opener() (*sealed.Opener, error) {
	keys, err := s.ring.Sealing()
	if err != nil {
		return nil, err
	}
	seeds := make([]secret.Bytes, len(keys))
	for i := range keys {
		seeds[i] = keys[i].Key
	}
	return sealed.NewOpener(seeds...)
}

// opened opens one blob. A contact that was blinded under a gateway key that is not
// in use any more cannot be found: it would be taken for a stranger who never
// refused anything. So such a blob counts as one that cannot be read.
func opened(opener *sealed.Opener, blob []byte, gates []keyring.GateKey) *keyholderpb.Opened {
	ids, err := opener.Open(blob)
	if err != nil {
		return &keyholderpb.Opened{}
	}
	live := slices.ContainsFunc(gates, func(g keyring.GateKey) bool { return g.Version == ids.Gate })
	out := &keyholderpb.Opened{Readable: true, Gate: ids.Gate}
	for i := range ids.List {
		id := &ids.List[i]
		if !live && id.Kind != event.KindVisitor {
			return &keyholderpb.Opened{}
		}
		out.Add(id.H1, id.Old, id.Kind, id.Mint)
	}
	return out
}

// sealing fills in what gateways seal to.
func (s *service) sealing(answer *keyholderpb.KeysAnswer) {
	keys, err := s.ring.Sealing()
	if err != nil || len(keys) == 0 {
		s.log.Error("the key that gateways seal to", "error", err)
		return
	}
	public, err := sealed.Public(keys[0].Key)
	if err != nil {
		s.log.Error("the key that gateways seal to", "error", err)
		return
	}
	answer.Sealing, answer.SealingVersion = public, keys[0].Version
}
