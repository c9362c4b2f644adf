"""The people page: the list, one person, the dialogs that change them, bulk actions, live sessions."""
