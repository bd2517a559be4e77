-- Erasing a user: in batches, so that it's known what has been begun and isn't over; and who stands for somebody that was erased where others' records name them.

alter table users
  -- Null: somebody. 'begun': nobody can sign in any more, and what they had is being deleted. 'done': a stand-in, without a person.
  add column erasure text check (erasure in ('begun', 'done'));

-- What's to be carried on, and stand-ins whose records are old enough to go.
create index idx_users_erasure on users (erasure, id) where erasure is not null;
