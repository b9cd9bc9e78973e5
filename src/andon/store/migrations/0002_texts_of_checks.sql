alter table results add column sha256 text not null default '';
