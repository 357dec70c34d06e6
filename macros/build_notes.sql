{#-
    raw_meta.builds: what `throughline publish` goes by. The note is opened before the first node and closed after the
    last one, so that a killed build is known by the note it left open.
-#}

{% macro note_build_start() -%}
    {%- if execute and flags.WHICH in ('build', 'run', 'test', 'seed', 'snapshot', 'retry') -%}
        insert into raw_meta.builds (invocation_id, target, command, started_at)
        values ('{{ invocation_id }}', '{{ target.name }}', '{{ flags.WHICH }}', now() at time zone 'UTC')
    {%- endif -%}
{%- endmacro %}

{% macro note_build_end(results) -%}
    {%- if execute and flags.WHICH in ('build', 'run', 'test', 'seed', 'snapshot', 'retry') -%}
        {%- set marts = {} -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.fqn[1] == 'marts' -%}
            {%- do marts.update({node.unique_id: node.name}) -%}
        {%- endfor -%}
        {%- set counts = {'error': 0, 'warn': 0} -%}
        {%- set built = [] -%}
        {%- set failed = [] -%}
        {#- --empty and --sample build marts that are not whole. -#}
        {%- set is_whole = not flags.EMPTY and not flags.SAMPLE -%}
        {%- for result in results -%}
            {%- set node = result.node -%}
            {%- set status = result.status | string -%}
            {%- if status == 'warn' -%}
                {%- do counts.update({'warn': counts.warn + 1}) -%}
            {%- elif status not in ('success', 'pass', 'no-op') -%}
                {%- do counts.update({'error': counts.error + 1}) -%}
                {%- set tested = node.depends_on.nodes if node.resource_type in ('test', 'unit_test') else [] -%}
                {%- set touched = [] -%}
                {%- for name in [node.unique_id] + tested if name in marts -%}
                    {%- do touched.append(marts[name]) -%}
                {%- endfor -%}
                {#- What fails to the left of the marts may be in any of them. -#}
                {%- do failed.extend(touched or marts.values()) -%}
            {%- endif -%}
            {%- if node.unique_id in marts and status == 'success' -%}
                {%- do (built if is_whole else failed).append(marts[node.unique_id]) -%}
            {%- endif -%}
        {%- endfor %}
        update raw_meta.builds
        set
            finished_at = now() at time zone 'UTC',
            error_count = {{ counts.error }},
            warning_count = {{ counts.warn }},
            marts = '{{ marts.values() | sort | join(',') }}',
            marts_built = '{{ built | sort | join(',') }}',
            marts_failed = '{{ failed | select | unique | sort | join(',') }}'
        where invocation_id = '{{ invocation_id }}'
    {%- endif -%}
{%- endmacro %}
