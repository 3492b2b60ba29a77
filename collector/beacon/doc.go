// Package beacon reads what our snippet sends to POST /e:
//
//	{"key": "pk_...", "sentAt": "...", "gpc": true, "consent": {...},
//	 "events": [{"type": "page", "messageId": "...", "timestamp": "...",
//	             "page": {"url": "...", "referrer": "..."}, "name": "...",
//	             "properties": {...}, "userId": "...", "proof": "...",
//	             "released": ["analytics"]}]}
//
// An event with released was made before its person had chosen, and was held on
// its page; a grant there released it for the purposes named.
//
// The names of Segment (writeKey, batch, event, context) are read too, so that
// a Segment batch is a beacon as it is. The same strictness holds.
package beacon
