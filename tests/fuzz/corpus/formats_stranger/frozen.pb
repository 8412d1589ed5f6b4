
/
inputPlaceholder*
dtype0