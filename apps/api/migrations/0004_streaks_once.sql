-- One streak of a type per user. Before there was a constraint, two requests at the same moment could each find none and insert one; upserts need the constraint to
-- have something to conflict with.
--
-- The row with the lowest id stays and takes over the best of the others: the longest streak that any has, and the current one as it was on the last active day
-- (days of an earlier day may belong to a streak that has been broken since). Writers wait meanwhile: a duplicate that came between the two steps would make the
-- second fail.
lock table user_streaks in share row exclusive mode;

with ranked as (
  select *, rank() over (partition by user_id, streak_type order by last_active_on desc nulls last) as place
  from user_streaks
), best as (
  select user_id, streak_type, min(id) as id, max(current_days) filter (where place = 1) as current_days,
         max(longest_days) as longest_days, max(last_active_on) as last_active_on
  from ranked
  group by user_id, streak_type
  having count(*) > 1
)
update user_streaks s
set current_days = best.current_days, longest_days = best.longest_days, last_active_on = best.last_active_on, updated_at = now()
from best
where s.id = best.id;

delete from user_streaks s
using user_streaks lower
where lower.user_id = s.user_id and lower.streak_type = s.streak_type and lower.id < s.id;

alter table user_streaks add constraint user_streaks_user_id_streak_type_unique unique (user_id, streak_type);
