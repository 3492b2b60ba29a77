package segment

import "github.com/valyala/fastjson"

// Batch is a body of many calls. What stands beside the calls holds for each.
type Batch struct {
	Items   []*fastjson.Value
	Context *fastjson.Value // nil or an object
	Sent    []byte
	Consent *fastjson.Value
	GPC     *fastjson.Value
}

// ReadBatch takes a parsed body apart. An error is a *FieldError.
func ReadBatch(v *fastjson.Value) (Batch, error) { return ReadBatchOf(v, "batch") }

// ReadBatchOf is ReadBatch with the calls in another member.
func ReadBatchOf(v *fastjson.Value, member string) (b Batch, err error) {
	list := v.Get(member)
	if list == nil || list.Type() != fastjson.TypeArray {
		return b, &FieldError{member, "must be an array"}
	}
	b.Items, _ = list.Array()
	if b.Context, err = object(v, "context"); err != nil {
		return b, err
	}
	if b.Sent, err = text(v, "sentAt"); err != nil {
		return b, err
	}
	b.Consent, b.GPC = v.Get("consent"), v.Get("gpc")
	return b, nil
}

// IsBatch says whether a parsed body is a batch.
func IsBatch(v *fastjson.Value) bool { return v.Get("batch") != nil }

// WriteKey returns the write key in a parsed body, or nil.
func WriteKey(v *fastjson.Value) ([]byte, error) { return text(v, "writeKey") }
