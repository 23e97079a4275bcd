-- +goose Up

-- Since when everything of an account is being removed, in µs; 0 for never.
ALTER TABLE account ADD COLUMN erased_at bigint NOT NULL DEFAULT 0;

-- 1 once somebody has shown to receive mails at the address, else 0.
ALTER TABLE account ADD COLUMN email_proven bigint NOT NULL DEFAULT 0;
