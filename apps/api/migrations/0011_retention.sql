-- migrate: no transaction
-- What's deleted by its age, oldest first, as the clean-up of tokens has it. Without a transaction: these tables may be large, and writers mustn't wait for an index.

create index concurrently idx_notifications_read_at on notifications (read_at) where read_at is not null;

-- A row is in one of the two, never in both.
create index concurrently idx_notifications_unread_created on notifications (created_at) where read_at is null;

create index concurrently idx_pitch_views_viewed_at on pitch_views (viewed_at);

create index concurrently idx_ai_interactions_created_at on ai_interactions (created_at);
