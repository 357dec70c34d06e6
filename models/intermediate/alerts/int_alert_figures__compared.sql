with measures as (
    select * from {{ ref('int_alert_measures__accumulated') }}
),

rules as (
    select * from {{ ref('int_alert_rules__merged') }}
    where is_enabled
),

-- Sums of any days are differences of two running ones, so that a long window costs no more than a short one. A day is
-- looked at once its whole window, and its whole baseline, are days that were.
windows as (
    select
        rules.rule,
        rules.metric,
        rules.subject as only_subject,
        rules.window_days,
        rules.baseline_days,
        rules.comparison,
        rules.threshold,
        rules.minimum,
        rules.is_compared_with_before,
        measures.subject_kind,
        measures.subject,
        measures.subject_name,
        measures.day_date as alert_date,
        measures.is_last_day,
        measures.part_so_far - coalesce(before_window.part_so_far, 0) as part,
        measures.whole_so_far - coalesce(before_window.whole_so_far, 0) as whole,
        measures.gaps_so_far - coalesce(before_window.gaps_so_far, 0) as gaps,
        coalesce(before_window.part_so_far, 0) - coalesce(before_baseline.part_so_far, 0) as baseline_part,
        coalesce(before_window.whole_so_far, 0) - coalesce(before_baseline.whole_so_far, 0) as baseline_whole,
        coalesce(before_window.gaps_so_far, 0) - coalesce(before_baseline.gaps_so_far, 0) as baseline_gaps
    from measures
    inner join rules on measures.metric = rules.metric
    left join measures as before_window
        on
            measures.metric = before_window.metric
            and measures.subject_kind = before_window.subject_kind
            and measures.subject = before_window.subject
            and measures.day_number - rules.window_days = before_window.day_number
    left join measures as before_baseline
        on
            measures.metric = before_baseline.metric
            and measures.subject_kind = before_baseline.subject_kind
            and measures.subject = before_baseline.subject
            and measures.day_number - rules.window_days - rules.baseline_days = before_baseline.day_number
    where
        measures.day_number
        >= rules.window_days + case when rules.is_compared_with_before then rules.baseline_days else 0 end
),

-- Who has left is no host any more once the baseline's days have passed, too.
windows_of_those_there as (
    select
        *,
        count(*) over (partition by rule, alert_date) as compared_subjects,
        {{ rate(
            'sum(part) over (partition by rule, alert_date)', 'count(*) over (partition by rule, alert_date)'
        ) }} as mean_part
    from windows
    where metric != 'host_load' or part + baseline_part > 0
),

figures as (
    select
        *,
        {{ alert_figure('part', 'whole', 'gaps') }} as figure,
        case
            when comparison in ('above', 'below') then null
            when metric = 'host_load' then mean_part
            when metric in ('bookings', 'spend_without_bookings')
                then case when baseline_gaps = 0 then {{ rate('baseline_part * window_days', 'baseline_days') }} end
            else {{ alert_figure('baseline_part', 'baseline_whole', 'baseline_gaps') }}
        end as baseline
    from windows_of_those_there
),

compared_figures as (
    select
        rule,
        metric,
        window_days,
        baseline_days,
        comparison,
        threshold,
        subject_kind,
        subject,
        subject_name,
        alert_date,
        is_last_day,
        compared_subjects,
        figure,
        baseline,
        -- Nine decimals, so that what is exactly at the threshold is not beyond it by the last digit of a division.
        case
            when comparison like 'ratio%' then round({{ rate('figure', 'baseline') }}, 9)
            when comparison like 'difference%' then round(figure - baseline, 9)
        end as deviation,
        case
            when metric in ('cost_per_booking', 'held_rate', 'unmapped_share')
                then
                    whole >= minimum
                    and (
                        not is_compared_with_before
                        or baseline_whole * window_days >= minimum * baseline_days
                    )
            when metric = 'host_load' then mean_part >= minimum
            else greatest(figure, coalesce(baseline, 0)) >= minimum
        end as is_enough
    from figures
    where only_subject is null or only_subject in (subject_name, {{ channel_label('subject_name') }})
),

judged_figures as (
    select
        *,
        is_enough and {{ is_beyond_threshold() }} as is_alert
    from compared_figures
)

select * from judged_figures
