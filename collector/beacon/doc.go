// Package beacon reads what our snippet sends to POST /e:
//
//	{"key": "pk_...", "sentAt": "...", "gpc": true, "consent": {...},
//	 "events": [{"type": "page", "messageId": "...", "timestamp": "...",
//	             "page": {"url": "...", "referrer": "..."}, "name": "...",
//	             "properties": {...}, "userId": "...", "proof": "..."}]}
//
// The names of Segment (writeKey, batch, event, context) are read too, so that
// a Segment batch is a beacon as it is. The same strictness holds.
package beacon
