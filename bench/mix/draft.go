package mix

import "strconv"

// what stands at a place that is written over before each sending.
type what uint8

const (
	visitorID what = iota // the visitor's anonymousId, a UUID
	userID                // the user's number, userLen digits
	messageID             // the UUID of the message id
	milliseconds
	timestamp
)

var widths = [...]int{visitorID: uuidLen, userID: userLen, messageID: uuidLen, milliseconds: 13, timestamp: 24}

// place is where something is written over.
type place struct {
	at   int32
	what what
}

// slot is one event of a request: the places that are about it.
type slot struct {
	user   bool // its visitor is one who logs in
	places []place
}

// draft is a text under construction, with its places.
type draft struct {
	text  []byte
	slots []slot
}

func (d *draft) add(parts ...string) *draft {
	for _, p := range parts {
		d.text = append(d.text, p...)
	}
	return d
}

func (d *draft) number(n int) { d.text = strconv.AppendInt(d.text, int64(n), 10) }

// put leaves room for w, of the event that was begun last.
func (d *draft) put(w what) *draft {
	s := &d.slots[len(d.slots)-1]
	s.places = append(s.places, place{int32(len(d.text)), w})
	for range widths[w] {
		d.text = append(d.text, '0')
	}
	return d
}

// begin begins the next event.
func (d *draft) begin(user bool) *draft {
	d.slots = append(d.slots, slot{user: user})
	return d
}

// join appends a draft of the same events: its places belong to the slots of
// the same number.
func (d *draft) join(body draft) {
	shift := int32(len(d.text))
	d.text = append(d.text, body.text...)
	for i, s := range body.slots {
		if i == len(d.slots) {
			d.slots = append(d.slots, slot{})
		}
		d.slots[i].user = s.user
		for _, p := range s.places {
			d.slots[i].places = append(d.slots[i].places, place{p.at + shift, p.what})
		}
	}
}
