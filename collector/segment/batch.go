package segment

import "zgoda/jsontape"

// Batch is a body of many calls. What stands beside the calls holds for each.
type Batch struct {
	Items   jsontape.Value // an array
	Context jsontape.Value // absent, or an object
	Sent    []byte
	Consent jsontape.Value
	GPC     jsontape.Value
}

// ReadBatch takes a parsed body apart. An error is a *FieldError.
func ReadBatch(v jsontape.Value) (Batch, error) { return ReadBatchOf(v, "batch") }

// ReadBatchOf is ReadBatch with the calls in another member.
func ReadBatchOf(v jsontape.Value, member string) (b Batch, err error) {
	b.Items = v.Get(member)
	if b.Items.Type() != jsontape.Array {
		return b, &FieldError{member, "must be an array"}
	}
	if b.Context, err = object(v.Get("context"), "context"); err != nil {
		return b, err
	}
	if b.Sent, err = text(v.Get("sentAt"), "sentAt"); err != nil {
		return b, err
	}
	b.Consent, b.GPC = v.Get("consent"), v.Get("gpc")
	return b, nil
}

// IsBatch says whether a parsed body is a batch.
func IsBatch(v jsontape.Value) bool { return v.Get("batch").Exists() }

// WriteKey returns the write key in a parsed body, or nil.
func WriteKey(v jsontape.Value) ([]byte, error) { return text(v.Get("writeKey"), "writeKey") }
