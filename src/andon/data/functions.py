"""Names the Postgres functions and catalogues that an honest read needs; what is not named here may not be used."""

from __future__ import annotations


def words(*texts: str) -> frozenset[str]:
    """Returns the words of texts, as a set."""
    return frozenset(word for text in texts for word in text.split())


AGGREGATES = """
any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp cume_dist dense_rank
every first_value grouping json_agg json_agg_strict json_object_agg json_object_agg_strict json_object_agg_unique
json_object_agg_unique_strict jsonb_agg jsonb_agg_strict jsonb_object_agg jsonb_object_agg_strict
jsonb_object_agg_unique jsonb_object_agg_unique_strict lag last_value lead max min mode nth_value ntile percent_rank
percentile_cont percentile_disc range_agg range_intersect_agg rank regr_avgx regr_avgy regr_count regr_intercept
regr_r2 regr_slope regr_sxx regr_sxy regr_syy row_number stddev stddev_pop stddev_samp string_agg sum var_pop var_samp
variance xmlagg
"""

MATHS = """
abs acos acosd acosh asin asind asinh atan atan2 atan2d atand atanh cbrt ceil ceiling cos cosd cosh cot cotd degrees div
erf erfc exp factorial floor gamma gcd lcm lgamma ln log log10 min_scale mod numeric_inc pi pow power radians random
random_normal round scale sign sin sind sinh sqrt tan tand tanh trim_scale trunc width_bucket int2 int4 int8 float4
float8 numeric bool
"""

TEXTS = """
ascii bit_count bit_length bpchar btrim casefold char char_length character_length chr concat concat_ws convert
convert_from convert_to crc32 crc32c decode encode format get_bit get_byte initcap is_normalized left length like
like_escape lower lpad ltrim md5 name normalize notlike octet_length overlay parse_ident position quote_ident
quote_literal quote_nullable regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace
regexp_split_to_array regexp_split_to_table regexp_substr repeat replace reverse right rpad rtrim set_bit set_byte
sha224 sha256 sha384 sha512 similar_escape similar_to_escape split_part starts_with string_to_array string_to_table
strpos substr substring text to_ascii to_bin to_char to_hex to_number to_oct translate unicode_assigned
unicode_version unistr upper varchar
"""

TIMES = """
age clock_timestamp date date_add date_bin date_part date_subtract date_trunc extract interval isfinite justify_days
justify_hours justify_interval make_date make_interval make_time make_timestamp make_timestamptz now overlaps
statement_timestamp time timeofday timestamp timestamptz timetz timezone to_date to_timestamp transaction_timestamp
"""

ARRAYS = """
array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position array_positions
array_prepend array_remove array_replace array_reverse array_sample array_shuffle array_sort array_to_json
array_to_string array_upper cardinality generate_series generate_subscripts trim_array unnest
"""

JSON = """
json_array_elements json_array_elements_text json_array_length json_build_array json_build_object json_each
json_each_text json_extract_path json_extract_path_text json_object json_object_keys json_populate_record
json_populate_recordset json_strip_nulls json_to_record json_to_recordset json_typeof jsonb_array_elements
jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_concat jsonb_contained
jsonb_contains jsonb_delete jsonb_delete_path jsonb_each jsonb_each_text jsonb_exists jsonb_exists_all
jsonb_exists_any jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_keys
jsonb_path_exists jsonb_path_exists_tz jsonb_path_match jsonb_path_match_tz jsonb_path_query jsonb_path_query_array
jsonb_path_query_array_tz jsonb_path_query_first jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record
jsonb_populate_record_valid jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls
jsonb_to_record jsonb_to_recordset jsonb_typeof row_to_json to_json to_jsonb xpath xpath_exists xmlcomment xmlexists
xmltext xml_is_well_formed xml_is_well_formed_content xml_is_well_formed_document
"""

RANGES = """
daterange datemultirange int4range int4multirange int8range int8multirange isempty lower_inc lower_inf multirange
nummultirange numrange range_merge tsmultirange tsrange tstzmultirange tstzrange upper_inc upper_inf
"""

SHAPES = """
area box circle center diagonal diameter height isclosed isopen line lseg npoints path point polygon radius slope width
abbrev broadcast family host hostmask inet_merge inet_same_family macaddr8_set7bit masklen netmask network set_masklen
"""

SEARCH = """
numnode phraseto_tsquery plainto_tsquery querytree setweight strip to_tsquery to_tsvector ts_delete ts_filter
ts_headline ts_rank ts_rank_cd tsquery_phrase tsvector_to_array websearch_to_tsquery
similarity word_similarity strict_word_similarity show_trgm unaccent levenshtein levenshtein_less_equal soundex
difference metaphone dmetaphone dmetaphone_alt daitch_mokotoff
"""

IDENTITIES = """
gen_random_uuid uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7 hashtext hashtextextended hash_record
hash_record_extended hashint4 hashint8 enum_first enum_last enum_range num_nonnulls num_nulls
"""

CATALOGUE = """
col_description current_catalog current_database current_schema current_schemas current_user format_type
has_any_column_privilege has_column_privilege has_database_privilege has_schema_privilege has_sequence_privilege
has_table_privilege obj_description pg_client_encoding pg_collation_for pg_column_size pg_database_size
pg_get_constraintdef pg_get_expr pg_get_indexdef pg_get_partkeydef pg_get_serial_sequence pg_get_viewdef
pg_indexes_size pg_input_is_valid pg_is_in_recovery pg_last_xact_replay_timestamp pg_postmaster_start_time
pg_relation_size pg_size_bytes pg_size_pretty pg_table_is_visible pg_table_size pg_total_relation_size pg_typeof
session_user shobj_description to_regclass to_regnamespace to_regtype version
"""

FUNCTIONS: frozenset[str] = words(
    AGGREGATES, MATHS, TEXTS, TIMES, ARRAYS, JSON, RANGES, SHAPES, SEARCH, IDENTITIES, CATALOGUE
)
"""Functions that a question may call, unqualified or as `pg_catalog.name`: they read, compute, and nothing else."""

CATALOGUES: frozenset[str] = words(
    """
    pg_aggregate pg_am pg_attrdef pg_attribute pg_cast pg_class pg_collation pg_constraint pg_database pg_depend
    pg_description pg_enum pg_index pg_indexes pg_inherits pg_language pg_locks pg_matviews pg_namespace pg_opclass
    pg_operator pg_partitioned_table pg_proc pg_range pg_sequence pg_sequences pg_stat_all_indexes pg_stat_all_tables
    pg_stat_database pg_stat_user_indexes pg_stat_user_tables pg_statio_all_indexes pg_statio_all_tables
    pg_statio_user_indexes pg_statio_user_tables pg_stats pg_tables pg_timezone_abbrevs pg_timezone_names pg_trigger
    pg_type pg_views
    """
)
"""Catalogues of Postgres that hold no secret: no password hashes, other sessions' queries or server files."""

SETTINGS: frozenset[str] = words(
    """
    datestyle default_transaction_read_only intervalstyle lc_collate lc_ctype lock_timeout max_connections search_path
    server_encoding server_version server_version_num statement_timeout timezone transaction_isolation
    transaction_read_only
    """
)
"""Settings that SHOW may tell; others can hold passwords (an extension's or the application's own)."""

FIELDS: frozenset[str] = frozenset({"key", "value", "ordinality"})
"""Fields that may follow a parenthesis: `(x).name` calls a function when x has no such field, even pg_read_file."""
