-- No source of spend is loaded: the columns are there, so that what reads them says "no spend" instead of failing.
select
    cast(null as date) as month_start_date,
    cast(null as varchar) as channel_name,
    cast(null as decimal(38, 9)) as spend
where false
