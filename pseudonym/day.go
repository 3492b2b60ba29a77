package pseudonym

import (
	"context"

	"zgoda/pseudonym/daily"
	"zgoda/pseudonym/keyholderpb"
)

// Day fetches the key of the keyholder's present day. The caller wipes it.
func (c *Client) Day(ctx context.Context) (daily.Key, error) {
	var key daily.Key
	err := c.call(ctx, "day", func(ctx context.Context) error {
		answer, err := c.days.Day(ctx, &keyholderpb.DayRequest{})
		if err != nil {
			return err
		}
		if len(answer.GetKey()) != daily.KeySize {
			return ErrAnswer
		}
		key = daily.Key{Day: daily.Number(answer.GetDay()), Bytes: NewSecret(answer.GetKey())}
		return nil
	})
	return key, err
}
